package iomeeting_test

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/url"
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iomeeting/iomeeting-go"
)

func TestEncodeText(t *testing.T) {
	tests := []struct{ text, encoded string }{
		{"", ""},
		{"Marketing", "Marketing"},
		{"Joe Smith", "Joe+Smith"},
		{"会", "_E4_BC_9A"},
		{`会议 "Q3_Review" 100% C++`, "_E4_BC_9A_E8_AE_AE+_22Q3_5FReview_22+100_25+C_2B_2B"},
		{"Renée O'Brien", "Ren_C3_A9e+O_27Brien"},
		{"azAZ09.-*", "azAZ09.-*"},
		{"~!'()", "_7E_21_27_28_29"},
		{"_", "_5F"},
		{"snake_case_41", "snake_5Fcase_5F41"},
		{"\x00\r\n\x7f", "_00_0D_0A_7F"},
		{"\u2028\ufeff", "_E2_80_A8_EF_BB_BF"},
		{"🙂", "_F0_9F_99_82"},
	}
	for _, tt := range tests {
		encoded, err := iomeeting.EncodeText(tt.text)
		require.NoError(t, err)
		assert.Equal(t, tt.encoded, encoded)
		decoded, err := iomeeting.DecodeText(encoded)
		require.NoError(t, err)
		assert.Equal(t, tt.text, decoded)
	}
}

func TestEncodeTextAgreesWithJDK(t *testing.T) {
	want, err := os.ReadFile("testdata/text-digest.txt") // written by testdata/TextDigest.java
	require.NoError(t, err)
	digest := sha256.New()
	count := 0
	for r := rune(0); r <= utf8.MaxRune; r++ {
		if !utf8.ValidRune(r) {
			continue
		}
		encoded, err := iomeeting.EncodeText(string(r))
		require.NoError(t, err)
		_, _ = io.WriteString(digest, encoded+"\n")
		count++
	}
	assert.Equal(t, 1_112_064, count)
	assert.Equal(t, strings.TrimSpace(string(want)), hex.EncodeToString(digest.Sum(nil)))
}

func TestDecodeText(t *testing.T) {
	tests := []struct{ name, encoded, text string }{
		{"plus", "Joe+Smith", "Joe Smith"},
		{"space", "Joe Smith", "Joe Smith"},
		{"lower case", "_e4_bc_9a", "会"},
		{"mixed case", "_c3_A9", "é"},
		{"unescaped", "a~é会", "a~é会"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			text, err := iomeeting.DecodeText(tt.encoded)
			require.NoError(t, err)
			assert.Equal(t, tt.text, text)
		})
	}
}

func TestBadText(t *testing.T) {
	decode, encode := iomeeting.DecodeText, iomeeting.EncodeText
	tests := []struct {
		name   string
		code   func(string) (string, error)
		s      string
		reason string
	}{
		{"encode a single byte", encode, "a\xff", "is not valid UTF-8"},
		{"encode a surrogate", encode, "\xed\xa0\x80", "is not valid UTF-8"},
		{"decode an escape without digits", decode, "_", "contains a _ that is not followed by two hexadecimal digits"},
		{"decode an escape with one digit", decode, "a_4", "contains a _ that is not followed by two hexadecimal digits"},
		{"decode a second digit that is not hexadecimal", decode, "_4G", "contains a _ that is not followed by two hexadecimal digits"},
		{"decode a first digit that is not hexadecimal", decode, "_G4", "contains a _ that is not followed by two hexadecimal digits"},
		{"decode a percent sign", decode, "100%", "contains a %, which the encoding replaces with _"},
		{"decode part of a rune", decode, "_E4_BC", "is not valid UTF-8 once decoded"},
		{"decode a single byte", decode, "\xff", "is not valid UTF-8 once decoded"},
		{"decode an overlong form", decode, "_C0_80", "is not valid UTF-8 once decoded"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, err := tt.code(tt.s)
			assert.Empty(t, s)
			requireParameterError(t, err, "text", tt.reason)
		})
	}
}

// TestEscapeDigits tries each byte as either digit of an escape.
func TestEscapeDigits(t *testing.T) {
	for c := range 256 {
		digit := string([]byte{byte(c)})
		for _, digits := range []string{"4" + digit, digit + "1"} {
			want, notHex := hex.DecodeString(digits)
			got, err := iomeeting.DecodeText("_" + digits)
			switch {
			case notHex != nil:
				requireParameterError(t, err, "text", "contains a _ that is not followed by two hexadecimal digits")
			case !utf8.Valid(want):
				requireParameterError(t, err, "text", "is not valid UTF-8 once decoded")
			default:
				require.NoError(t, err)
				assert.Equal(t, string(want), got)
			}
		}
	}
}

func FuzzEncodeText(f *testing.F) {
	for _, s := range []string{"Joe Smith", "会议 _41 100% C++", "a\xff", "\x00~*"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		encoded, err := iomeeting.EncodeText(s)
		if !utf8.ValidString(s) {
			require.ErrorIs(t, err, iomeeting.ErrInvalidParameter)
			return
		}
		require.NoError(t, err)
		decoded, err := iomeeting.DecodeText(encoded)
		require.NoError(t, err)
		require.Equal(t, s, decoded)

		// Java's URLEncoder, from Go's, which differs in * and ~.
		java := strings.NewReplacer("_", "_5F", "%2A", "*", "~", "_7E", "%", "_").Replace(url.QueryEscape(s))
		require.Equal(t, java, encoded)
	})
}

func FuzzDecodeText(f *testing.F) {
	for _, s := range []string{"Joe+Smith", "_E4_BC_9A", "_5F41", "_", "_4", "_zz", "%41", "\xff_C3"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		decoded, err := iomeeting.DecodeText(s)
		if err != nil {
			require.ErrorIs(t, err, iomeeting.ErrInvalidParameter)
			return
		}
		encoded, err := iomeeting.EncodeText(decoded)
		require.NoError(t, err)
		again, err := iomeeting.DecodeText(encoded)
		require.NoError(t, err)
		require.Equal(t, decoded, again)
	})
}

// requireParameterError checks that err is a *ParameterError for param.
func requireParameterError(t *testing.T, err error, param, reason string) {
	t.Helper()
	require.ErrorIs(t, err, iomeeting.ErrInvalidParameter)
	var bad *iomeeting.ParameterError
	require.ErrorAs(t, err, &bad)
	require.Equal(t, iomeeting.ParameterError{Param: param, Reason: reason}, *bad)
	require.Equal(t, "iomeeting: invalid parameter: "+param+" "+reason, err.Error())
}
