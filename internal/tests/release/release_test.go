//go:build unix

// Package release tries a release before it is published: as users get it, from a
// module proxy, into an empty module cache. The script .ci/release runs it.
package release

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/mod/module"
	"golang.org/x/mod/zip"
)

var version = flag.String("version", "", "the version that the last commit becomes, such as v1.2.3")

const (
	repository = "../../.."
	root       = "github.com/iomeeting/iomeeting-go"
	redisstore = root + "/hostpool/redisstore"

	// maxDownload limits what go get of the root downloads, in bytes.
	maxDownload = 600 << 10
)

// user is a program of its own, whose module cache was empty.
type user struct {
	t   *testing.T
	dir string
	env []string
}

// newUser returns a user who gets versions of the modules from a proxy, and other
// modules from where this machine does.
func newUser(t *testing.T, proxy string) user {
	download := "file://" + goEnv(t, "GOMODCACHE") + "/cache/download"
	u := user{t, t.TempDir(), append(os.Environ(),
		"GOMODCACHE="+t.TempDir(),
		"GOPROXY="+strings.Join([]string{"file://" + proxy, download, goEnv(t, "GOPROXY")}, ","),
		"GONOSUMDB="+root+","+redisstore,
		"GOFLAGS=-modcacherw -trimpath", // so that the folder can be removed, and the build cache be used
		"GOWORK=off",
	)}
	u.write("main.go", "package main\n\nfunc main() {}\n")
	u.must("mod", "init", "example.com/user")
	return u
}

func goEnv(t *testing.T, name string) string {
	out, err := exec.Command("go", "env", name).Output()
	require.NoError(t, err)
	return strings.TrimSpace(string(out))
}

func (u user) write(name, content string) {
	require.NoError(u.t, os.WriteFile(filepath.Join(u.dir, name), []byte(content), 0o600))
}

func (u user) read(name string) string {
	content, err := os.ReadFile(filepath.Join(u.dir, name))
	require.NoError(u.t, err)
	return string(content)
}

func (u user) command(args ...string) *exec.Cmd {
	command := exec.CommandContext(u.t.Context(), "go", args...)
	command.Dir, command.Env = u.dir, u.env
	return command
}

// run returns what the go command prints.
func (u user) run(args ...string) (string, error) {
	out, err := u.command(args...).CombinedOutput()
	return string(out), err
}

func (u user) must(args ...string) string {
	out, err := u.run(args...)
	require.NoError(u.t, err, "go %s\n%s", strings.Join(args, " "), out)
	return out
}

// publish adds a module of the last commit to a proxy. It may replace its go.mod.
func publish(t *testing.T, proxy, modulePath string, edit func(goMod string) string) {
	subdir := strings.TrimPrefix(strings.TrimPrefix(modulePath, root), "/")
	dir := filepath.Join(proxy, modulePath, "@v")
	require.NoError(t, os.MkdirAll(dir, 0o700))
	goMod, err := exec.Command("git", "-C", repository, "show", "HEAD:"+path.Join(subdir, "go.mod")).Output()
	require.NoError(t, err)
	if edit != nil {
		goMod = []byte(edit(string(goMod)))
	}
	var content bytes.Buffer
	require.NoError(t, zip.CreateFromVCS(&content, module.Version{Path: modulePath, Version: *version}, repository, "HEAD", subdir))
	for name, content := range map[string]string{
		"list":             *version + "\n",
		*version + ".info": fmt.Sprintf(`{"Version": %q}`, *version),
		*version + ".mod":  string(goMod),
		*version + ".zip":  content.String(),
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600))
	}
}

func published(t *testing.T) (proxy string) {
	if *version == "" {
		t.Skip("needs -version")
	}
	proxy = t.TempDir()
	publish(t, proxy, root, nil)
	publish(t, proxy, redisstore, nil)
	return proxy
}

// TestRoot gets the package, and runs the first program of the README.
func TestRoot(t *testing.T) {
	u := newUser(t, published(t))
	readme, err := os.ReadFile(filepath.Join(repository, "README.md"))
	require.NoError(t, err)
	first := regexp.MustCompile("(?s)```go\n(.*?)```.*?```text\n(.*?)```").FindSubmatch(readme)
	require.NotNil(t, first, "README.md has a program and its output")

	u.must("get", root+"@"+*version)
	downloaded := 0
	cache := filepath.Join(goEnvOf(u, "GOMODCACHE"), "cache", "download")
	require.NoError(t, filepath.WalkDir(cache, func(name string, entry fs.DirEntry, err error) error {
		if err == nil && filepath.Ext(name) == ".zip" {
			info, err := entry.Info()
			require.NoError(t, err)
			downloaded += int(info.Size())
		}
		return err
	}))
	t.Logf("go get downloads %d KB", downloaded>>10)
	assert.Positive(t, downloaded)
	assert.LessOrEqual(t, downloaded, maxDownload)
	assert.Contains(t, u.read("go.sum"), root+" "+*version)
	assert.NotContains(t, u.read("go.sum"), "testify")

	u.write("main.go", string(first[1]))
	assert.Equal(t, string(first[2]), u.must("run", "."))
}

func goEnvOf(u user, name string) string { return strings.TrimSpace(u.must("env", name)) }

// TestRootTests runs the tests of the root's packages from the module cache.
func TestRootTests(t *testing.T) {
	u := newUser(t, published(t))
	u.must("get", "-t", root+"/...@"+*version)
	u.must("test", root+"/...")
}

// TestRedisstore gets the nested module, and compiles its example. A requirement of a
// version that does not exist is noticed.
func TestRedisstore(t *testing.T) {
	proxy := published(t)
	for _, required := range []string{*version, "v0.0.0", "v0.999.999"} {
		t.Run("requires "+required, func(t *testing.T) {
			publish(t, proxy, redisstore, func(goMod string) string {
				return strings.Replace(goMod, root+" "+*version, root+" "+required, 1)
			})
			u := newUser(t, proxy)
			out, err := u.run("get", redisstore+"@"+*version)
			if required != *version {
				require.Error(t, err)
				require.Contains(t, out, root+"@"+required)
				return
			}
			require.NoError(t, err, out)
			example, err := os.ReadFile(filepath.Join(repository, "hostpool/redisstore/example_test.go"))
			require.NoError(t, err)
			u.write("example_test.go", strings.Replace(string(example), "package redisstore_test", "package main", 1))
			u.must("vet", ".")
		})
	}
}

// TestCommands runs the programs that the documents run with @latest.
func TestCommands(t *testing.T) {
	u := newUser(t, published(t))
	assert.Contains(t, u.must("run", root+"/examples/quickstart@"+*version), "Schedule: the service created meeting 000001.")
	assert.Contains(t, u.must("run", root+"/cmd/iomeeting@"+*version, "help"), "schedule")

	website := u.command("run", root+"/examples/website@"+*version)
	website.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // go run does not pass a kill on
	out, err := website.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, website.Start())
	defer func() { _ = website.Wait() }()
	defer func() { _ = syscall.Kill(-website.Process.Pid, syscall.SIGKILL) }()
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if address := regexp.MustCompile(`http://\S+`).FindString(lines.Text()); address != "" {
			res, err := http.Get(address)
			require.NoError(t, err)
			_ = res.Body.Close()
			assert.Equal(t, http.StatusOK, res.StatusCode)
			return
		}
	}
	t.Error("the website printed no address")
}
