package repo

import (
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// packages are the directories of the packages that users import. api.txt records
// their public API, and each of their functions has an example.
var packages = []string{".", "iomeetingtest", "hostpool", "hostpool/storetest", "hostpool/sqlstore", "hostpool/redisstore"}

// compiled are those whose examples need a test or the driver of a database, and
// cannot run.
var compiled = []string{"hostpool/storetest", "hostpool/sqlstore", "hostpool/redisstore"}

// TestEveryFunctionHasAnExample finds examples by their names, as pkgsite does. An
// example without Output would not run.
func TestEveryFunctionHasAnExample(t *testing.T) {
	for _, dir := range packages {
		funcs := exportedFuncs(t, dir)
		assert.NotEmpty(t, funcs, dir)
		for name, f := range funcs {
			if isErrorMethod(f) {
				continue
			}
			assert.NotEmpty(t, f.Examples, "%s has no example", name)
			for _, example := range f.Examples {
				assert.True(t, example.Output != "" || example.EmptyOutput || slices.Contains(compiled, dir), "Example%s has no Output", example.Name)
			}
		}
	}
}

// isErrorMethod reports whether f is a method that package errors calls, and users
// do not.
func isErrorMethod(f *doc.Func) bool {
	return f.Recv != "" && (f.Name == "Error" || f.Name == "Unwrap")
}

// exportedFuncs returns the exported functions of the package in dir, and the
// exported methods of its exported types, by name.
func exportedFuncs(t *testing.T, dir string) map[string]*doc.Func {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	require.NoError(t, err)
	fset := token.NewFileSet()
	var files []*ast.File
	for _, name := range names {
		file, err := parser.ParseFile(fset, name, nil, parser.ParseComments)
		require.NoError(t, err)
		files = append(files, file)
	}
	pkg, err := doc.NewFromFiles(fset, files, dir)
	require.NoError(t, err)

	funcs := make(map[string]*doc.Func)
	add := func(prefix string, fs []*doc.Func) {
		for _, f := range fs {
			funcs[prefix+f.Name] = f
		}
	}
	add(pkg.Name+".", pkg.Funcs)
	for _, typ := range pkg.Types {
		add(pkg.Name+".", typ.Funcs) // functions that return the type
		add(pkg.Name+"."+typ.Name+".", typ.Methods)
	}
	return funcs
}
