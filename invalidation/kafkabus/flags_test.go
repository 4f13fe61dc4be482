package kafkabus_test

import (
	"flag"
	"time"
)

var (
	soak  = flag.Duration("soak", 3*time.Second, "how long to consume a topic that is being compacted")
	chaos = flag.Int("chaos", 0, "how many events to publish while everything fails in turn; 0: 3000, and only consumers")
)
