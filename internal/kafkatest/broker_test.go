package kafkatest_test

import (
	"testing"
	"time"

	"github.com/cachet-go/cachet/internal/kafkatest"
)

func TestMain(m *testing.M) { kafkatest.Main(m) }

func TestX(t *testing.T) {
	s := time.Now()
	lap := func(what string) { t.Log(what, time.Since(s)); s = time.Now() }
	b := kafkatest.Start(t)
	lap("start")
	b.Kill()
	lap("kill")
	b.Restart()
	lap("restart")
	b.Stop()
	lap("stop")
	b.Restart()
	lap("restart")
	b.Restart()
	lap("restart")
	b = kafkatest.Start(t, "broker.session.timeout.ms=2000", "broker.heartbeat.interval.ms=500", "controller.quorum.election.timeout.ms=200")
	lap("start")
	b.Kill()
	lap("kill")
	b.Restart()
	lap("restart")
	b.Stop()
	lap("stop")
	b.Restart()
	lap("restart")
	b.Restart()
	lap("restart")
}
