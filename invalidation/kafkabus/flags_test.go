package kafkabus_test

import (
	"flag"
	"time"
)

var soak = flag.Duration("soak", 3*time.Second, "how long to consume a topic that is being compacted")
