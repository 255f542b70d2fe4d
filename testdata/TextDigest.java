// Prints the SHA-256 over the text encoding of every Unicode scalar value, in
// order, each followed by a line feed. The encoding is that of the JDK's
// URLEncoder with _ instead of %, and _5F instead of a literal _.
//
// To compare it with the digest that the tests expect:
//
//     java testdata/TextDigest.java | diff - testdata/text-digest.txt

import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.HexFormat;

public class TextDigest {
    public static void main(String[] args) throws Exception {
        MessageDigest digest = MessageDigest.getInstance("SHA-256");
        for (int c = 0; c <= Character.MAX_CODE_POINT; c++) {
            if (c >= Character.MIN_SURROGATE && c <= Character.MAX_SURROGATE) {
                continue;
            }
            String encoded = URLEncoder.encode(Character.toString(c), StandardCharsets.UTF_8);
            encoded = encoded.replace("_", "_5F").replace('%', '_');
            digest.update((encoded + "\n").getBytes(StandardCharsets.UTF_8));
        }
        System.out.println(HexFormat.of().formatHex(digest.digest()));
    }
}
