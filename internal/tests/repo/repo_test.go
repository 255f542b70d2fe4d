// Package repo checks the repository as a whole: its public API, its documents and
// its module files.
package repo

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"
)

// TestMain runs the tests in the root of the repository.
func TestMain(m *testing.M) {
	if err := os.Chdir("../../.."); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// files returns the files of the repository whose names end in suffix.
func files(t *testing.T, suffix string) (names []string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(".", func(name string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() && entry.Name() == ".git" {
			return filepath.SkipDir
		}
		if strings.HasSuffix(name, suffix) {
			names = append(names, name)
		}
		return err
	}))
	require.NotEmpty(t, names)
	return names
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile(name)
	require.NoError(t, err)
	return string(content)
}

// TestModuleFiles shows that all modules need the same version of Go and of each
// dependency, and that these are released.
func TestModuleFiles(t *testing.T) {
	versions := make(map[string]string) // by module, of the first file that requires it
	for _, name := range files(t, "go.mod") {
		file, err := modfile.Parse(name, []byte(readFile(t, name)), nil)
		require.NoError(t, err)
		assert.Equal(t, "1.25.0", file.Go.Version, "the minimum Go version in %s", name)
		assert.Nil(t, file.Toolchain, name)
		for _, r := range file.Require {
			path, version := r.Mod.Path, r.Mod.Version
			if strings.HasPrefix(path, "github.com/iomeeting/") {
				continue
			}
			if versions[path] == "" {
				versions[path] = version
			}
			assert.Equal(t, versions[path], version, "%s in %s", path, name)
			assert.True(t, semver.Prerelease(version) == "" || module.IsPseudoVersion(version), "%s %s in %s is a pre-release", path, version, name)
		}
	}
}
