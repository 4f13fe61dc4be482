package kafkabus_test

import (
	"flag"
	"testing"
	"time"
)

var (
	long  = flag.Bool("long", false, "run what takes long, too: sessions that end, brokers that are killed, hang or compact")
	soak  = flag.Duration("soak", 3*time.Second, "how long to consume a topic that is being compacted")
	chaos = flag.Int("chaos", 0, "how many events to publish while everything fails in turn; 0: 3000, and only consumers")
)

// takesLong skips a test that takes more than a few seconds, unless asked for.
func takesLong(t *testing.T) {
	t.Helper()
	if !*long {
		t.Skip("takes long: run with -long")
	}
}
