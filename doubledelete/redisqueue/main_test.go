package redisqueue_test

import (
	"flag"
	"os"
	"testing"

	"github.com/redis/go-redis/v9/logging"
)

// The processes that are killed are this program, started anew. The tests mostly wait, and need no core each while
// they do.
func TestMain(m *testing.M) {
	flag.Parse()
	logging.Disable() // the client's, about servers that are down on purpose
	if addr := os.Getenv(processEnv); addr != "" {
		process(addr)
		return
	}
	if addr := os.Getenv(writerEnv); addr != "" {
		writer(addr)
		return
	}
	if f := flag.Lookup("test.parallel"); f.Value.String() == f.DefValue {
		_ = f.Value.Set("6")
	}
	os.Exit(m.Run())
}
