package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// passwords is an environment.
func passwords(name string) string {
	return map[string]string{"IOMEETING_HOST_PASSWORD": "canary", "IOMEETING_MEETING_PASSWORD": ""}[name]
}

func TestShortcuts(t *testing.T) {
	tests := []struct {
		name, page string
		args       []string
		fields     [][2]string
	}{
		{
			name:   "start",
			args:   []string{"-host", "alice@example.com", "-title", "Q3_Review"},
			page:   "snm.do",
			fields: [][2]string{{"hostEmail", "alice@example.com"}, {"hostPass", "canary"}, {"title", "Q3_5FReview"}},
		},
		{
			name:   "join by host",
			args:   []string{"-host", "alice@example.com", "-join", "-user", "Joe Smith"},
			page:   "jm.do",
			fields: [][2]string{{"hostEmail", "alice@example.com"}, {"userName", "Joe Smith"}},
		},
		{
			name:   "join by ID",
			args:   []string{"-meeting", "000042"},
			page:   "jm.do",
			fields: [][2]string{{"meetingID", "000042"}},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			dir := t.TempDir()
			args := append([]string{"-site", "https://abc.iomeeting.cn", "-dir", dir, "-name", "a/b 会"}, tt.args...)
			require.NoError(t, run(args, passwords, &out))
			path := filepath.Join(dir, "a_b 会.html")
			assert.Equal(t, path+"\n", out.String())
			info, err := os.Stat(path)
			require.NoError(t, err)
			assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())
			file, err := os.ReadFile(path)
			require.NoError(t, err)
			form := `<form method="post" action="https://abc.iomeeting.cn/` + tt.page + `" accept-charset="utf-8" autocomplete="off">`
			for _, field := range tt.fields {
				form += "\n" + `<input type="hidden" name="` + field[0] + `" value="` + field[1] + `">`
			}
			assert.Contains(t, string(file), form+"\n<button")

			require.ErrorIs(t, run(args, passwords, &out), os.ErrExist)
		})
	}
}

func TestMistakes(t *testing.T) {
	require.EqualError(t,
		run([]string{"-site", "https://abc.iomeeting.cn", "-host", "a"}, func(string) string { return "" }, new(bytes.Buffer)),
		"set IOMEETING_HOST_PASSWORD to start meetings, or add -join to join one")
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"-site", "https://abc.iomeeting.cn"}, "set either -host or -meeting"},
		{[]string{"-site", "https://abc.iomeeting.cn", "-host", "a", "-meeting", "1"}, "set either -host or -meeting"},
		{[]string{"-host", "a"}, "iomeeting: invalid parameter: site is empty"},
		{[]string{"-site", "https://abc.iomeeting.cn", "-host", "a", "-name", "a\nb"}, "iomeeting: invalid parameter: name contains a control character"},
	} {
		var out bytes.Buffer
		dir := t.TempDir()
		require.EqualError(t, run(append(tt.args, "-dir", dir), passwords, &out), tt.want)
		files, err := os.ReadDir(dir)
		require.NoError(t, err)
		assert.Empty(t, files)
	}
}
