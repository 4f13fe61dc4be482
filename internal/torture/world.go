package main

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cachet-go/cachet/internal/redistest"
	"github.com/cachet-go/cachet/internal/torture/clock"
	"github.com/cachet-go/cachet/internal/torture/history"
	"github.com/cachet-go/cachet/internal/torture/source"
	"github.com/cachet-go/cachet/internal/torture/worker"
	"github.com/cachet-go/cachet/internal/torture/wrongclock"
)

// What a phase is made of.
const (
	processes = 4
	rows      = 150 // of each of the two caches
)

// world is what a nemesis acts upon: the servers, the processes and the network between them.
type world struct {
	*host

	nemesis nemesis
	cfg     worker.Config
	began   int64

	// One of these.
	server   *redistest.Server
	sentinel *redistest.Sentinel
	cluster  *redistest.Cluster
	clock    *wrongclock.Clock // of server, if that is wrong

	db      *source.Source
	served  *source.Server
	history *history.History
	crew    []*member

	acts    atomic.Int64
	failing atomic.Bool // a failover is under way that was asked for

	mu sync.Mutex
	// Guarded by mu.
	events  []history.Event
	windows []history.Window
}

// stall is how long the database takes: now and then longer than a lease.
func stall(dice *rand.Rand) time.Duration {
	switch n := dice.IntN(400); {
	case n == 0:
		return worker.Lease + time.Duration(dice.Int64N(int64(worker.Lease/2)))
	case n < 40:
		return time.Duration(dice.Int64N(int64(100 * time.Millisecond)))
	default:
		return time.Duration(dice.Int64N(int64(5 * time.Millisecond)))
	}
}

// build starts servers and processes.
func build(h *host, n nemesis, seed uint64) *world {
	w := &world{
		host: h, nemesis: n, began: clock.Now(), db: source.New(2 * rows), history: history.New(2 * rows),
	}
	var err error
	if w.served, err = source.Serve(w.db, seed, stall); err != nil {
		h.Fatalf("%v", err)
	}
	h.Cleanup(w.served.Close)
	w.cfg = worker.Config{
		Seed: seed, Source: w.served.Addr, Rows: rows, Pad: 64, Linger: 20 * time.Millisecond,
		Plain: worker.Callers{Readers: 4, Writers: 3}, Fenced: worker.Callers{Readers: 4, Writers: 3},
	}
	switch n.servers {
	case single:
		w.server = redistest.Start(h, "--enable-debug-command", "local")
		w.cfg.Redis = []string{w.server.Addr}
	case wrongClock:
		w.server = w.withClock()
		w.cfg.Redis = []string{w.server.Addr}
	case withSentinels:
		w.withSentinels()
		w.cfg.Redis, w.cfg.Master = w.sentinel.Addrs(), redistest.Service
	case withSlots:
		w.cluster = redistest.StartCluster(h, 3)
		w.cfg.Cluster = true
		for _, s := range w.cluster.Servers {
			w.cfg.Redis = append(w.cfg.Redis, s.Addr)
		}
	}
	if n.setup != nil {
		n.setup(&w.cfg)
	}
	for range processes {
		w.crew = append(w.crew, w.enlist())
	}
	return w
}

// notef keeps a fault for the history.
func (w *world) notef(format string, args ...any) {
	w.acts.Add(1)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.events = append(w.events, history.Event{At: clock.Now(), What: "*** " + fmt.Sprintf(format, args...)})
}

// lost keeps a window in which a server lost what it had acknowledged.
func (w *world) lost(from, lost int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := clock.Now()
	until := now + int64(worker.Life)
	w.windows = append(w.windows, history.Window{From: from, Lost: lost, To: now, Until: until})
}
