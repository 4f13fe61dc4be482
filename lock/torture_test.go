package lock_test

import (
	"context"
	"flag"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/internal/redistest"
	"github.com/cachet-go/cachet/lock"
)

var (
	tortureFor = flag.Duration("lock.torture", 2*time.Second, "how long the processes are tortured")
	tortureN   = flag.Int("lock.processes", 4, "how many processes are tortured")
)

// tortureTTL is the lease of the processes that are tortured.
const tortureTTL = 400 * time.Millisecond

// The row that the lock guards. Who comes in claims it with a fence and reads; who writes must still be the last that
// claimed it. A row of a database does the same by UPDATE ... WHERE fence < $1 and UPDATE ... WHERE fence = $1.
var (
	claimRow = redis.NewScript(`
		if tonumber(redis.call('HGET', KEYS[1], 'fence') or '0') >= tonumber(ARGV[1]) then return -1 end
		redis.call('HSET', KEYS[1], 'fence', ARGV[1])
		return tonumber(redis.call('HGET', KEYS[1], 'n') or '0')`)
	writeRow = redis.NewScript(`
		if redis.call('HGET', KEYS[1], 'fence') ~= ARGV[1] then return redis.call('HINCRBY', KEYS[1], 'refused', 1) * 0 end
		redis.call('HSET', KEYS[1], 'n', ARGV[2])
		redis.call('HINCRBY', KEYS[1], 'accepted', 1)
		return 1`)
)

// child is one process that is tortured: it takes the lock, reads, adds one and writes, for ever.
func child(locks, row string) {
	client := redis.NewClient(&redis.Options{Addr: locks, ReadTimeout: 300 * time.Millisecond})
	table := redis.NewClient(&redis.Options{Addr: row})
	l := lock.New(client, lock.TTL(tortureTTL))
	for {
		// What goes wrong is what the test is about: the row tells.
		_ = l.Do(context.Background(), "k", func(ctx context.Context) error {
			fence, _ := lock.FenceOf(ctx)
			n, err := claimRow.Run(ctx, table, []string{"row"}, fence).Int64()
			if err != nil || n < 0 {
				return err
			}
			if rand.N(100) == 0 {
				time.Sleep(rand.N(2 * tortureTTL)) // a slow one is renewed
			}
			return writeRow.Run(context.WithoutCancel(ctx), table, []string{"row"}, fence, n+1).Err()
		})
	}
}

func spawn(t *testing.T, locks, row string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "LOCK_TORTURE="+locks+" "+row)
	_, err := cmd.StdinPipe() // closed when this process ends, however it does
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	return cmd
}

func slay(cmd *exec.Cmd) {
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
}

// Processes are stopped for longer than the lease, killed, cut off, and their locks flushed. No update of the row is lost.
func TestNoUpdateIsLostWhenProcessesAreTortured(t *testing.T) {
	locks, table := redistest.Start(t), redistest.Start(t)
	proxies := make([]*redistest.Proxy, *tortureN)
	children := make([]*exec.Cmd, *tortureN)
	for i := range children {
		proxies[i] = redistest.NewProxy(t, locks.Addr)
		children[i] = spawn(t, proxies[i].Addr, table.Addr)
	}
	defer func() {
		for _, c := range children {
			slay(c)
		}
	}()
	done := map[string]int{}
	for end := time.Now().Add(*tortureFor); time.Now().Before(end); time.Sleep(rand.N(200 * time.Millisecond)) {
		i := rand.N(len(children))
		switch rand.N(5) {
		case 0:
			_ = children[i].Process.Signal(syscall.SIGSTOP)
			time.Sleep(tortureTTL + rand.N(tortureTTL))
			_ = children[i].Process.Signal(syscall.SIGCONT)
			done["stopped"]++
		case 1:
			slay(children[i])
			children[i] = spawn(t, proxies[i].Addr, table.Addr)
			done["killed"]++
		case 2:
			proxies[i].Cut()
			done["cut"]++
		case 3:
			locks.Do("flushall")
			done["flushed"]++
		case 4:
			proxies[i].Blackhole(true)
			time.Sleep(tortureTTL + rand.N(tortureTTL))
			proxies[i].Blackhole(false)
			proxies[i].Cut()
			done["unreachable"]++
		}
	}
	before := field(table, "accepted")
	require.Eventually(t, func() bool { return field(table, "accepted") > before }, patience, time.Millisecond, "deadlock")
	for _, c := range children {
		slay(c)
	}
	time.Sleep(20 * time.Millisecond) // what was on its way arrives
	n, accepted := field(table, "n"), field(table, "accepted")
	t.Logf("%d updates, %d refused, %v", accepted, field(table, "refused"), done)
	assert.Equal(t, accepted, n, "updates were lost")
	require.Eventually(t, func() bool { return locks.Do("exists", "lock:{k}") == int64(0) }, patience, 10*time.Millisecond)
	keys, _ := locks.Do("keys", "*").([]any)
	for _, key := range keys {
		left, _ := locks.Do("pttl", key).(int64)
		assert.NotEqual(t, int64(-1), left, "%v has no lifetime", key)
	}
}

func field(table *redistest.Server, name string) int {
	s, _ := table.Do("hget", "row", name).(string)
	n, _ := strconv.Atoi(s)
	return n
}

// tortured runs as a child if the environment says so.
func tortured() {
	if locks, row, ok := strings.Cut(os.Getenv("LOCK_TORTURE"), " "); ok {
		go child(locks, row)
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}
}
