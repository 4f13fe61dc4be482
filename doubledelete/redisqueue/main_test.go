package redisqueue_test

import (
	"os"
	"testing"

	"github.com/redis/go-redis/v9/logging"
)

// The processes that are killed are this program, started anew.
func TestMain(m *testing.M) {
	logging.Disable() // the client's, about servers that are down on purpose
	if addr := os.Getenv(processEnv); addr != "" {
		process(addr)
		return
	}
	if addr := os.Getenv(writerEnv); addr != "" {
		writer(addr)
		return
	}
	os.Exit(m.Run())
}
