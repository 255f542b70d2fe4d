package repo

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestReadmeProgram runs the program of the README, and compares its output with the
// text that follows it.
func TestReadmeProgram(t *testing.T) {
	program := regexp.MustCompile("(?s)```go\n(package main\n.*?)```\n\n```text\n(.*?)```").FindStringSubmatch(readFile(t, "README.md"))
	require.NotNil(t, program, "README.md has no program that is followed by its output")
	file := filepath.Join(t.TempDir(), "main.go")
	require.NoError(t, os.WriteFile(file, []byte(program[1]), 0o600))
	output, err := exec.Command("go", "run", file).CombinedOutput()
	require.NoError(t, err, "%s", output)
	assert.Equal(t, program[2], string(output))
}

// TestReadmeShowsQuickstart runs the quickstart, whose output the README shows.
func TestReadmeShowsQuickstart(t *testing.T) {
	output, err := exec.Command("go", "run", "./examples/quickstart").Output()
	require.NoError(t, err)
	port := regexp.MustCompile(`127\.0\.0\.1:\d+`)
	assert.Contains(t, port.ReplaceAllString(readFile(t, "README.md"), "SERVER"),
		"```text\n"+port.ReplaceAllString(string(output), "SERVER")+"```")
}

// TestDocumentsCompile looks for the Go code of the documents in the examples, which
// are compiled.
func TestDocumentsCompile(t *testing.T) {
	var examples strings.Builder
	for _, file := range files(t, ".go") {
		if strings.HasPrefix(filepath.Base(file), "example") || strings.HasPrefix(file, "examples/") {
			examples.WriteString(withoutIndentation(readFile(t, file)))
		}
	}
	for _, document := range files(t, ".md") {
		for _, block := range regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(readFile(t, document), -1) {
			if !strings.HasPrefix(block[1], "package main\n") && !strings.Contains(examples.String(), withoutIndentation(block[1])) {
				t.Errorf("no example contains this code of %s:\n%s", document, block[1])
			}
		}
	}
}

func withoutIndentation(s string) string {
	return regexp.MustCompile(`(?m)^\t+`).ReplaceAllString(strings.TrimSpace(s), "")
}

// TestTranslationsAgree compares the parts of a translated document that must be the
// same in both languages.
func TestTranslationsAgree(t *testing.T) {
	originals := map[string]string{"README.zh-CN.md": "README.md"}
	guides, err := filepath.Glob("docs/zh-CN/*.md")
	require.NoError(t, err)
	for _, guide := range guides {
		if guide != "docs/zh-CN/integration.md" { // written in Chinese
			originals[guide] = filepath.Join("docs", filepath.Base(guide))
		}
	}
	for translation, original := range originals {
		want, got := partsOf(t, original), partsOf(t, translation)
		for name := range want {
			if strings.HasPrefix(name, "ordered ") {
				assert.Equal(t, want[name], got[name], "%s of %s", name, translation)
			} else { // a translation may change the order
				assert.ElementsMatch(t, want[name], got[name], "%s of %s", name, translation)
			}
		}
	}
}

// partsOf returns the parts of a document that do not depend on its language, by name.
func partsOf(t *testing.T, document string) map[string][]string {
	_, text, _ := strings.Cut(readFile(t, document), "\n") // the first line leads to the other language
	find := func(pattern string) []string { return regexp.MustCompile(pattern).FindAllString(text, -1) }
	var rows, links []string
	for _, row := range find(`(?m)^\|.*$`) {
		rows = append(rows, strings.Repeat("|", strings.Count(row, "|")))
	}
	for _, link := range find(`\]\([^)]*\)`) {
		links = append(links, originalOf(document, link[2:len(link)-1]))
	}
	return map[string][]string{
		"ordered headings": find(`(?m)^#+ `),
		"ordered code":     find("(?s)```(?:go|html|sh|text)\n.*?```"),
		"ordered arrows":   find(`\w+-+>>\w+`), // of diagrams
		"ordered rows":     rows,
		"names":            find("`[^`\n]+`"),
		"numbers":          find(`\d[\d,.]*\d`),
		"links":            links,
	}
}

// originalOf returns the target of a link in document as a path of the repository, or
// that of the original if the target is a translation. The heading that it may name is
// left out: TestDocumentLinks looks for it.
func originalOf(document, link string) string {
	if strings.HasPrefix(link, "https://") {
		return link
	}
	target, _, _ := strings.Cut(link, "#")
	if target == "" {
		return ""
	}
	target = filepath.Join(filepath.Dir(document), target)
	return strings.NewReplacer("docs/zh-CN/", "docs/", ".zh-CN.md", ".md").Replace(target)
}

// TestDocumentLinks follows each link to a file of the repository or to a heading.
func TestDocumentLinks(t *testing.T) {
	for _, document := range files(t, ".md") {
		links := regexp.MustCompile(`\]\(([^)#]*)(?:#([^)]*))?\)`).FindAllStringSubmatch(readFile(t, document), -1)
		for _, link := range links {
			if strings.HasPrefix(link[1], "https://") {
				continue
			}
			target := document
			if link[1] != "" {
				target = filepath.Join(filepath.Dir(document), link[1])
			}
			if _, err := os.Stat(target); !assert.NoError(t, err, document) || link[2] == "" {
				continue
			}
			assert.Contains(t, anchors(readFile(t, target)), link[2], "%s links to a heading that is not in %s", document, target)
		}
	}
}

// TestRepositoryLinks looks for the files that comments and documents link to at GitHub.
func TestRepositoryLinks(t *testing.T) {
	for _, name := range append(files(t, ".go"), files(t, ".md")...) {
		links := regexp.MustCompile(`github\.com/iomeeting/iomeeting-go/(?:blob|tree)/main/([\w./-]*\w)`).FindAllStringSubmatch(readFile(t, name), -1)
		for _, link := range links {
			_, err := os.Stat(link[1])
			assert.NoError(t, err, name)
		}
	}
}

// anchors returns the fragments that link to the headings of a document, as GitHub
// makes them.
func anchors(markdown string) (names []string) {
	for _, heading := range regexp.MustCompile(`(?m)^#+ (.+)$`).FindAllStringSubmatch(markdown, -1) {
		name := strings.ReplaceAll(strings.ToLower(heading[1]), " ", "-")
		names = append(names, regexp.MustCompile(`[^\p{L}\p{N}_-]`).ReplaceAllString(name, ""))
	}
	return names
}

// TestWhyNamesTests looks for each test that docs/why.md names in the file that it
// links to. Each row must name a test.
func TestWhyNamesTests(t *testing.T) {
	why := readFile(t, "docs/why.md")
	for _, link := range regexp.MustCompile(`\[(Test\w+)\]\(([^)]+)\)`).FindAllStringSubmatch(why, -1) {
		file := filepath.Join("docs", link[2])
		assert.True(t, strings.Contains(readFile(t, file), "func "+link[1]+"(t *testing.T)"), "docs/why.md names %s, which is not in %s", link[1], file)
	}
	rows := regexp.MustCompile(`(?m)^\| [^|-].* \|$`).FindAllString(why, -1)
	require.NotEmpty(t, rows)
	for _, row := range rows {
		if !strings.HasSuffix(row, "| Test |") {
			assert.Regexp(t, `\[Test\w+\]`, row, "a row without a test")
		}
	}
}
