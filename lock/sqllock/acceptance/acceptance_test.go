// Package acceptance_test lets processes fight for a lock in Redis that guards a row of PostgreSQL, while everything
// goes wrong that can.
package acceptance_test

import (
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/internal/redistest"
	"github.com/cachet-go/cachet/internal/sqltest"
)

var (
	duration  = flag.Duration("lock.for", 3*time.Second, "how long each test makes trouble")
	processes = flag.Int("lock.processes", 8, "how many processes want the lock")
	unguarded = flag.Bool("lock.unguarded", false, "let the row accept any fence, to see that the tests notice")
	kills     = flag.Int("lock.kills", 2, "how many holders are killed to measure how soon they are replaced")
)

// patience is how long a test waits for what must happen.
const patience = 20 * time.Second

func start(t *testing.T) *sqltest.Server {
	t.Helper()
	table := sqltest.Postgres(t)
	table.Exec(schema)
	return table
}

// writes is how many writes the row has accepted.
func writes(table *sqltest.Server) string { return table.Exec(`SELECT count(*) FROM history`) }

// conclude waits until the lock is taken again by somebody and then looks at what was written.
func conclude(t *testing.T, table *sqltest.Server, c *crew, done map[string]int) {
	t.Helper()
	before, since := writes(table), time.Now()
	require.Eventually(t, func() bool { return writes(table) != before }, patience, 5*time.Millisecond, "deadlock")
	t.Logf("in use again after %v", time.Since(since).Round(time.Millisecond))
	c.dismiss()
	time.Sleep(50 * time.Millisecond) // what was on its way arrives
	v := judge(t, table)
	t.Logf("%+v after %v", v, done)
	assert.Zero(t, v.older, "writes with an older fence were accepted")
	assert.Zero(t, v.lost, "updates were lost")
	assert.Greater(t, v.writes, 50)
	assert.GreaterOrEqual(t, v.processes, min(*processes, 4))
}

// noneForEver looks for keys without a lifetime.
func noneForEver(t *testing.T, server *redistest.Server) {
	t.Helper()
	keys, _ := server.Do("keys", "*").([]any)
	for _, key := range keys {
		left, _ := server.Do("pttl", key).(int64)
		assert.NotEqual(t, int64(-1), left, "%v has no lifetime", key)
	}
}

// Processes are stopped for longer than the lease, killed and cut off, and their locks flushed.
func TestTheRowNeverAcceptsAnOlderFence(t *testing.T) {
	locks, table := redistest.Start(t), start(t)
	c := &crew{t: t}
	t.Cleanup(c.dismiss)
	proxies := make([]*redistest.Proxy, *processes)
	for i := range proxies {
		proxies[i] = redistest.NewProxy(t, locks.Addr)
		c.hire(order{Process: i, TTL: ttl, Redis: proxies[i].Addr, Postgres: table.DSN(), Unguarded: *unguarded})
	}
	done := map[string]int{}
	for end := time.Now().Add(*duration); time.Now().Before(end); time.Sleep(rand.N(200 * time.Millisecond)) {
		i, p := c.any()
		switch rand.N(6) {
		case 0:
			p.stop()
			done["stopped"]++
		case 1:
			c.replace(i)
			done["killed"]++
		case 2:
			proxies[i].Cut()
			done["cut"]++
		case 3:
			locks.Do("flushall")
			done["flushed"]++
		case 4:
			proxies[i].Blackhole(true)
			time.Sleep(ttl + rand.N(ttl))
			proxies[i].Blackhole(false)
			proxies[i].Cut()
			done["unreachable"]++
		case 5:
			locks.Pause()
			time.Sleep(rand.N(2 * ttl))
			locks.Resume()
			done["server paused"]++
		}
		noneForEver(t, locks)
	}
	conclude(t, table, c, done)
	noneForEver(t, locks)
	require.Eventually(t, func() bool { return locks.Do("exists", "lock:{account}") == int64(0) }, patience, 10*time.Millisecond)
}

// In each round the master dies, or stands still until another has been promoted, with what it had not replicated.
func TestTheRowNeverAcceptsAnOlderFenceAcrossFailovers(t *testing.T) {
	table := start(t)
	done := map[string]int{}
	for end := time.Now().Add(*duration); time.Now().Before(end); {
		sentinel := redistest.StartSentinel(t)
		c := &crew{t: t}
		t.Cleanup(c.dismiss)
		for i := range *processes {
			c.hire(order{Process: i, TTL: ttl, Sentinels: sentinel.Addrs(), Master: redistest.Service, Postgres: table.DSN(), Unguarded: *unguarded})
		}
		before := writes(table)
		require.Eventually(t, func() bool { return writes(table) != before }, patience, 5*time.Millisecond)
		trouble(c, sentinel.Master, done)
		if rand.N(2) == 0 {
			sentinel.Master.Kill()
			done["master killed"]++
		} else {
			sentinel.Master.Pause()
			done["master paused"]++
		}
		promoted := sentinel.Promoted()
		sentinel.Master.Resume()
		before, since := writes(table), time.Now()
		require.Eventually(t, func() bool { return writes(table) != before }, patience, 5*time.Millisecond, "deadlock")
		t.Logf("in use again %v after the failover", time.Since(since).Round(time.Millisecond))
		trouble(c, promoted, done)
		noneForEver(t, promoted)
		conclude(t, table, c, done)
		sentinel.Stop()
	}
}

// trouble is a few of the things that befall processes and keys.
func trouble(c *crew, master *redistest.Server, done map[string]int) {
	for range 6 {
		i, p := c.any()
		switch rand.N(3) {
		case 0:
			p.stop()
			done["stopped"]++
		case 1:
			c.replace(i)
			done["killed"]++
		case 2:
			master.Do("flushall")
			done["flushed"]++
		}
		time.Sleep(rand.N(200 * time.Millisecond))
	}
}

// A holder is killed while all others wait.
func TestAKilledHolderIsReplacedWithinItsLease(t *testing.T) {
	const ttl = 2 * time.Second // which no holder loses while it lives, on a busy machine
	locks, table := redistest.Start(t), start(t)
	c := &crew{t: t}
	t.Cleanup(c.dismiss)
	var took []time.Duration
	for range *kills {
		holder := spawn(t, order{Process: -1, TTL: ttl, Redis: locks.Addr, Postgres: table.DSN(), Hold: true})
		t.Cleanup(holder.slay)
		line := make([]byte, len("held\n"))
		_, err := io.ReadFull(holder.out, line)
		require.NoError(t, err)
		require.Equal(t, "held\n", string(line))
		for i := range *processes {
			c.hire(order{Process: i, TTL: ttl, Redis: locks.Addr, Postgres: table.DSN()})
		}
		require.Eventually(t, func() bool {
			return locks.Do("zcard", "lock:{account}:q") == int64(*processes)
		}, patience, 5*time.Millisecond, "all wait")
		time.Sleep(rand.N(ttl)) // at any point of a renewal
		before := locks.Do("get", "lock:{account}")
		killed := time.Now()
		holder.slay()
		for next := before; next == before || next == nil || strings.HasPrefix(fmt.Sprint(next), "r"); {
			next = locks.Do("get", "lock:{account}")
			require.Less(t, time.Since(killed), patience)
		}
		took = append(took, time.Since(killed))
		c.dismiss()
		locks.Do("flushall")
	}
	slices.Sort(took)
	t.Logf("%d holders with leases of %v replaced after %v at most, %v in the middle", len(took), ttl, took[len(took)-1], took[len(took)/2])
	assert.Less(t, took[len(took)/2], ttl+100*time.Millisecond)
	assert.Less(t, took[len(took)-1], ttl+time.Second, "on a busy machine")
}
