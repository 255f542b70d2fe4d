package iomeeting_test

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/iomeeting/iomeeting-go"
)

func TestEncodeText(t *testing.T) {
	for text, encoded := range map[string]string{
		"":               "",
		"Marketing":      "Marketing",
		"Joe Smith":      "Joe+Smith",
		"会":              "_E4_BC_9A",
		"Renée O'Brien":  "Ren_C3_A9e+O_27Brien",
		`"100%" C++`:     "_22100_25_22+C_2B_2B",
		"_":              "_5F",
		"snake_case_41":  "snake_5Fcase_5F41",
		"\x00\r\n\u2028": "_00_0D_0A_E2_80_A8",
	} {
		got, err := iomeeting.EncodeText(text)
		require.NoError(t, err)
		assert.Equal(t, encoded, got)
		decoded, err := iomeeting.DecodeText(encoded)
		require.NoError(t, err)
		assert.Equal(t, text, decoded)
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
	for encoded, text := range map[string]string{
		"Joe+Smith": "Joe Smith",
		"Joe Smith": "Joe Smith", // as a parsed form has it
		"_e4_bC_9A": "会",
		"a~é会":      "a~é会",
	} {
		got, err := iomeeting.DecodeText(encoded)
		require.NoError(t, err)
		assert.Equal(t, text, got)
	}
}

const (
	badEscape  = "contains a _ that is not followed by two hexadecimal digits"
	hasPercent = "contains a %, which the encoding replaces with _"
	badDecoded = "is not valid UTF-8 once decoded"
)

func TestBadText(t *testing.T) {
	for _, text := range []string{"a\xff", "\xed\xa0\x80"} { // a byte alone, a surrogate
		_, err := iomeeting.EncodeText(text)
		requireParameterError(t, err, "text", notUTF8)
	}
	for encoded, reason := range map[string]string{
		"_":      badEscape,
		"a_4":    badEscape,
		"100%":   hasPercent,
		"%41":    hasPercent,
		"_E4_BC": badDecoded, // a part of 会
		"\xff":   badDecoded,
		"_C0_80": badDecoded, // NUL in two bytes
	} {
		text, err := iomeeting.DecodeText(encoded)
		assert.Empty(t, text)
		requireParameterError(t, err, "text", reason)
	}
}

// TestEscapeDigits uses each byte as either digit of an escape.
func TestEscapeDigits(t *testing.T) {
	for c := range 256 {
		digit := string([]byte{byte(c)})
		for _, digits := range []string{"4" + digit, digit + "1"} {
			want, notHex := hex.DecodeString(digits)
			got, err := iomeeting.DecodeText("_" + digits)
			switch {
			case c == '%':
				requireParameterError(t, err, "text", hasPercent)
			case notHex != nil:
				requireParameterError(t, err, "text", badEscape)
			case !utf8.Valid(want):
				requireParameterError(t, err, "text", badDecoded)
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
