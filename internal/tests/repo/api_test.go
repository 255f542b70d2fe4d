package repo

import (
	"bytes"
	"flag"
	"go/ast"
	"go/parser"
	"go/printer"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var updateAPI = flag.Bool("update-api", false, "write api.txt")

// packages are the directories of the packages that users import.
var packages = []string{".", "iomeetingtest", "hostpool", "hostpool/storetest", "hostpool/sqlstore", "hostpool/redisstore"}

// TestAPI compares what the packages export with api.txt, so that no change to the
// public API goes unnoticed. To record an intended change, run
//
//	go -C internal/tests test -run TestAPI ./repo -update-api
func TestAPI(t *testing.T) {
	const record = "internal/tests/repo/api.txt"
	var decls []string
	for _, dir := range packages {
		decls = append(decls, exportedDecls(t, dir)...)
	}
	api := strings.Join(decls, "\n") + "\n"
	if *updateAPI {
		require.NoError(t, os.WriteFile(record, []byte(api), 0o644))
	}
	recorded := readFile(t, record)
	for _, decl := range decls {
		if !strings.Contains(recorded, decl+"\n") {
			t.Errorf("not in %s:\n%s", record, decl)
		}
	}
	if recorded != api {
		t.Errorf("%s differs from what the packages export", record)
	}
}

// exportedDecls returns the exported declarations of the package in dir, sorted.
func exportedDecls(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	require.NoError(t, err)
	var decls []string
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, name, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		if !ast.FileExports(file) {
			continue
		}
		for _, decl := range file.Decls {
			if d, ok := decl.(*ast.GenDecl); ok && d.Tok == token.IMPORT {
				continue
			}
			if f, ok := decl.(*ast.FuncDecl); ok {
				if !hasExportedReceiver(f) {
					continue
				}
				f.Body = nil
			}
			var text bytes.Buffer
			require.NoError(t, printer.Fprint(&text, fset, decl))
			decls = append(decls, file.Name.Name+": "+text.String())
		}
	}
	slices.Sort(decls)
	return decls
}

// hasExportedReceiver reports whether f is a function, or a method of an
// exported type.
func hasExportedReceiver(f *ast.FuncDecl) bool {
	if f.Recv == nil {
		return true
	}
	receiver := f.Recv.List[0].Type
	if pointer, ok := receiver.(*ast.StarExpr); ok {
		receiver = pointer.X
	}
	name, ok := receiver.(*ast.Ident)
	return ok && name.IsExported() // there are no generic types
}
