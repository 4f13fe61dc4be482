package mutants

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
)

// Spare returns the test files of the mutant's package that its test needs nothing of. To compile those takes longer
// than all the rest.
func (m Mutant) Spare(root string) ([]string, error) {
	paths, err := filepath.Glob(filepath.Join(root, m.Package, "*_test.go"))
	if err != nil {
		return nil, err
	}
	declares := make(map[string][]string) // name → files, also those with its methods
	uses := make(map[string]map[string]bool)
	for _, path := range paths {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		for _, decl := range file.Decls {
			for _, name := range names(decl) {
				declares[name] = append(declares[name], path)
			}
		}
		uses[path] = used(file)
	}
	needed := make(map[string]bool)
	var need func(name string)
	need = func(name string) {
		for _, path := range declares[name] {
			if !needed[path] {
				needed[path] = true
				for name, own := range uses[path] {
					if own {
						need(name)
					}
				}
			}
		}
	}
	need(regexp.MustCompile(`\w+`).FindString(m.Test))
	need("TestMain")
	need("init")
	var spare []string
	for _, path := range paths {
		if !needed[path] && filepath.Base(path) != "export_test.go" { // whose names are used as another package's
			spare = append(spare, path)
		}
	}
	return spare, nil
}

// used returns the names in a file, those of members of packages and values apart: false.
func used(file *ast.File) map[string]bool {
	all := make(map[string]bool)
	members := make(map[*ast.Ident]bool)
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			members[n.Sel] = true
		case *ast.Field:
			for _, id := range n.Names {
				members[id] = true
			}
		case *ast.Ident:
			all[n.Name] = all[n.Name] || !members[n]
		}
		return true
	})
	return all
}

// names returns what a declaration is about: what it declares, or the type that it gives a method.
func names(decl ast.Decl) (out []string) {
	switch d := decl.(type) {
	case *ast.FuncDecl:
		if d.Recv == nil {
			return []string{d.Name.Name}
		}
		ast.Inspect(d.Recv.List[0].Type, func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok {
				out = append(out, id.Name)
			}
			return true
		})
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch s := spec.(type) {
			case *ast.TypeSpec:
				out = append(out, s.Name.Name)
			case *ast.ValueSpec:
				for _, id := range s.Names {
					if id.Name != "_" {
						out = append(out, id.Name)
					}
				}
			}
		}
	}
	return out
}
