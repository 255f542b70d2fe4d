package repo

import (
	"go/format"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestReadmeProgram runs the first program of the README, and compares its output
// with the text that follows it.
func TestReadmeProgram(t *testing.T) {
	program := regexp.MustCompile("(?s)```go\n(package main\n.*?)```\n\n```text\n(.*?)```").FindStringSubmatch(readFile(t, "README.md"))
	require.NotNil(t, program, "README.md has no program that is followed by its output")
	assert.Less(t, len(regexp.MustCompile(`(?m)^.+$`).FindAllString(program[1], -1)), 20, "lines of the program")
	formatted, err := format.Source([]byte(program[1]))
	require.NoError(t, err)
	assert.Equal(t, string(formatted), program[1])

	file := filepath.Join(t.TempDir(), "main.go")
	require.NoError(t, os.WriteFile(file, []byte(program[1]), 0o600))
	output, err := exec.Command("go", "run", file).CombinedOutput()
	require.NoError(t, err, "%s", output)
	assert.Equal(t, program[2], string(output))
}

// documents returns the README and the guides.
func documents(t *testing.T) []string {
	t.Helper()
	guides, err := filepath.Glob("docs/*.md")
	require.NoError(t, err)
	require.NotEmpty(t, guides)
	return append(guides, "README.md")
}

// TestReadmeShowsQuickstart runs the quickstart, whose output the README shows.
func TestReadmeShowsQuickstart(t *testing.T) {
	output, err := exec.Command("go", "run", "./examples/quickstart").Output()
	require.NoError(t, err)
	port := regexp.MustCompile(`127\.0\.0\.1:\d+`)
	assert.Contains(t, port.ReplaceAllString(readFile(t, "README.md"), "SERVER"),
		"```text\n"+port.ReplaceAllString(string(output), "SERVER")+"```")
}

// TestDocumentsCompile looks for the other Go code of the documents in the examples,
// which are compiled.
func TestDocumentsCompile(t *testing.T) {
	var examples string
	for _, dir := range []string{".", "hostpool", "hostpool/sqlstore", "hostpool/redisstore"} {
		files, err := filepath.Glob(dir + "/example*_test.go")
		require.NoError(t, err)
		for _, file := range files {
			examples += flat(readFile(t, file))
		}
	}
	count := 0
	for _, document := range documents(t) {
		for _, block := range regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(readFile(t, document), -1) {
			count++
			if !strings.HasPrefix(block[1], "package main\n") && !strings.Contains(examples, flat(block[1])) {
				t.Errorf("no example contains this code of %s:\n%s", document, block[1])
			}
		}
	}
	assert.Greater(t, count, 10)
}

// TestReadmesAgree compares the parts of the translated README that must be the same
// as in README.md.
func TestReadmesAgree(t *testing.T) {
	english, chinese := readFile(t, "README.md"), readFile(t, "README.zh-CN.md")
	assert.Equal(t, "English | [简体中文](README.zh-CN.md)", firstLine(english))
	assert.Equal(t, "[English](README.md) | 简体中文", firstLine(chinese))
	for name, pattern := range map[string]string{
		"levels of headings": `(?m)^#+ `,
		"code":               "(?s)```(?:go|sh|text)\n.*?```",
		"table rows":         "(?m)^\\|(?: `[^`]*` \\|)?",
	} {
		find := regexp.MustCompile(pattern).FindAllString
		want := find(english, -1)
		assert.NotEmpty(t, want, name)
		assert.Equal(t, want, find(chinese, -1), name)
	}
	// The translation may change their order.
	for name, pattern := range map[string]string{
		"names":   "`[^`\n]+`",
		"numbers": `\d[\d,.]*\d`,
		"links":   `\]\([^)#]+`,
	} {
		find := regexp.MustCompile(pattern).FindAllString
		want := find(withoutFirstLine(english), -1)
		assert.NotEmpty(t, want, name)
		assert.ElementsMatch(t, want, find(withoutFirstLine(chinese), -1), name)
	}
}

// TestDocumentLinks follows each link to a file of the repository or to a heading.
func TestDocumentLinks(t *testing.T) {
	for _, document := range append(documents(t), "README.zh-CN.md", "SECURITY.md", "CONTRIBUTING.md") {
		links := regexp.MustCompile(`\]\(([^)#]*)(?:#([^)]*))?\)`).FindAllStringSubmatch(readFile(t, document), -1)
		for _, link := range links {
			if strings.HasPrefix(link[1], "https://") {
				continue
			}
			target := document
			if link[1] != "" {
				target = filepath.Join(filepath.Dir(document), link[1])
			}
			_, err := os.Stat(target)
			require.NoError(t, err, document)
			if link[2] != "" {
				content := readFile(t, target)
				assert.Contains(t, anchors(content), link[2], "%s links to a heading that is not in %s", document, target)
			}
		}
	}
}

// TestWhyNamesTests looks for each test that docs/why.md names in the file that it
// links to. Each row must name a test.
func TestWhyNamesTests(t *testing.T) {
	why := readFile(t, "docs/why.md")
	named := regexp.MustCompile(`\[(Test\w+)\]\(([^)]+)\)`).FindAllStringSubmatch(why, -1)
	assert.NotEmpty(t, named)
	for _, link := range named {
		file := filepath.Join("docs", link[2])
		found := strings.Contains(readFile(t, file), "func "+link[1]+"(t *testing.T)")
		assert.True(t, found, "docs/why.md names %s, which is not in %s", link[1], file)
	}
	for _, row := range regexp.MustCompile(`(?m)^\| [^|-].* \|$`).FindAllString(why, -1) {
		if !strings.HasSuffix(row, "| Test |") {
			assert.Regexp(t, `\[Test\w+\]`, row, "a row without a test")
		}
	}
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile(name)
	require.NoError(t, err)
	return string(content)
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

func withoutFirstLine(s string) string {
	_, rest, _ := strings.Cut(s, "\n")
	return rest
}

// anchors returns the fragments that link to the headings of a document, as GitHub
// makes them.
func anchors(markdown string) []string {
	var names []string
	for _, heading := range regexp.MustCompile(`(?m)^#+ (.+)$`).FindAllStringSubmatch(markdown, -1) {
		name := strings.ReplaceAll(strings.ToLower(heading[1]), " ", "-")
		names = append(names, regexp.MustCompile(`[^\p{L}\p{N}_-]`).ReplaceAllString(name, ""))
	}
	return names
}

// flat returns s without indentation.
func flat(s string) string {
	return regexp.MustCompile(`(?m)^\t+`).ReplaceAllString(strings.TrimSpace(s), "")
}
