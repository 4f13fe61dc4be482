package cachet_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/cachet-go/cachet"

// importers says which packages may import a third-party module: one, except for Redis, which each of these uses for
// something else. Tests may import what they like.
var importers = map[string][]string{
	"github.com/redis/go-redis/v9":      {"store/redisstore", "doubledelete/redisqueue", "lock"},
	"github.com/vmihailenco/msgpack/v5": {"codec"},
	"github.com/klauspost/compress":     {"codec"},
	"github.com/sony/gobreaker/v2":      {"store/redisstore"},
	"golang.org/x/sync":                 {"aside"},
	"github.com/segmentio/kafka-go":     {"invalidation/kafkabus"},
	"github.com/anishathalye/porcupine": {"internal/torture/history"},
	"golang.org/x/sys":                  {"internal/torture/clock"},
	"go.etcd.io/etcd":                   {"lock/etcdlock"},
	"github.com/go-zookeeper/zk":        {"lock/zklock"},
}

// importer returns the packages that may import name.
func importer(name string) []string {
	for mod, dirs := range importers {
		if name == mod || strings.HasPrefix(name, mod+"/") {
			return dirs
		}
	}
	return nil
}

// testing support, which no program links.
var support = []string{
	"internal/etcdtest", "internal/kafkatest", "internal/proctest", "internal/redistest", "internal/sqltest",
	"internal/torture", "internal/torture/worker", "internal/zktest", "lock/locktest", "store/storetest",
}

func TestRootLinksNoDriverAndNoTestCode(t *testing.T) {
	strangers := []string{
		"go-redis", "kafka", "sqlite", "jackc/pgx", "lib/pq", "go-sql-driver", "testify", "redisstore",
		"porcupine", "x/sys",
	}
	for _, pkg := range []string{
		".", "./store/memstore", "./store/chaosstore", "./doubledelete", "./aftercommit", "./spool", "./invalidation",
		"./invalidation/outbox",
		"./invalidation/cdc",
	} {
		out, err := exec.Command("go", "list", "-deps", pkg).Output()
		require.NoError(t, err)
		for dep := range strings.Lines(string(out)) {
			dep = strings.TrimSpace(dep)
			for _, bad := range strangers {
				require.NotContains(t, dep, bad, "%s links %s", pkg, dep)
			}
			require.NotEqual(t, "testing", dep, "%s links %s", pkg, dep)
		}
	}
}

func TestEachDependencyHasOneImporter(t *testing.T) {
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != "." && (strings.HasPrefix(d.Name(), ".") || isModule(path)):
			return fs.SkipDir
		case !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		dir := filepath.ToSlash(filepath.Dir(path))
		if slices.Contains(support, dir) {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range file.Imports {
			name, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			if !strings.Contains(name, ".") || strings.HasPrefix(name, module) {
				continue
			}
			require.Contains(t, importer(name), dir, "%s imports %s", path, name)
		}
		return nil
	})
	require.NoError(t, err)
}

// isModule reports whether dir is a module of its own.
func isModule(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "go.mod"))
	return err == nil
}

// Below the root everything is strings and bytes, strategies do not know the root, and a store does not know
// who uses it.
func TestPackagesKnowOnlyWhatIsBelowThem(t *testing.T) {
	below := map[string][]string{
		"store":            {},
		"lock":             {},
		"codec":            {},
		"invalidation":     {"store", "aside", "internal/backoff"},
		"invalidation/cdc": {"invalidation"},
		"internal/backoff": {},
		"internal/flight":  {},
		"internal/model":   {},
		"internal/mutants": {},
		"internal/record":  {"store"},
		"store/chaosstore": {"store"},
		"store/memstore":   {"store", "internal/record"},
		"store/redisstore": {"store", "internal/record", "internal/backoff"},
		"aside":            {"store", "internal/record", "internal/flight", "internal/backoff"},
		"aftercommit":      {},
		"spool":            {},
		"doubledelete":     {"store", "aside", "internal/backoff"},

		"invalidation/outbox":     {"invalidation", "internal/backoff"},
		"invalidation/kafkabus":   {"invalidation", "internal/backoff"},
		"doubledelete/redisqueue": {"store", "doubledelete", "internal/backoff"},
	}
	for pkg, allowed := range below {
		out, err := exec.Command("go", "list", "-f", `{{join .Imports "\n"}}`, "./"+pkg).Output()
		require.NoError(t, err)
		for name := range strings.Lines(string(out)) {
			name = strings.TrimSpace(name)
			if inner, ours := strings.CutPrefix(name, module+"/"); ours {
				require.Contains(t, allowed, inner, "%s imports %s", pkg, inner)
			}
			require.NotEqual(t, module, name, "%s imports the root", pkg)
		}
	}
}
