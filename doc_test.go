package iomeeting_test

import (
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// packages are the directories of the packages that users import. Their public
// surface is recorded in api.txt, and each of their functions has an example.
var packages = []string{".", "iomeetingtest", "hostpool"}

// TestEveryMethodHasAnExample looks for the examples as pkgsite does, which
// shows each beside what its name says. One without an Output would not run.
func TestEveryMethodHasAnExample(t *testing.T) {
	for _, dir := range packages {
		funcs := exportedFuncs(t, dir)
		assert.NotEmpty(t, funcs, dir)
		for name, f := range funcs {
			if isOfErrors(f) {
				continue
			}
			assert.NotEmpty(t, f.Examples, "%s has no example", name)
			for _, example := range f.Examples {
				assert.True(t, example.Output != "" || example.EmptyOutput, "Example%s has no Output", example.Name)
			}
		}
	}
}

// isOfErrors reports whether f is a method that errors have for package errors,
// and that nobody calls.
func isOfErrors(f *doc.Func) bool {
	return f.Recv != "" && (f.Name == "Error" || f.Name == "Unwrap")
}

// exportedFuncs returns the exported functions of the package in dir, and the
// exported methods of its exported types, by their names.
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
		add(pkg.Name+".", typ.Funcs) // those that return it
		add(pkg.Name+"."+typ.Name+".", typ.Methods)
	}
	return funcs
}
