package redisstore_test

import (
	"flag"
	"os"
	"testing"

	"github.com/redis/go-redis/v9/logging"
)

// The clauses of storetest mostly wait for records to end, and need no core each while they do.
func TestMain(m *testing.M) {
	flag.Parse()
	logging.Disable() // the client's, about servers that are down on purpose
	if f := flag.Lookup("test.parallel"); f.Value.String() == f.DefValue {
		_ = f.Value.Set("8")
	}
	os.Exit(m.Run())
}
