package redisqueue_test

import (
	"context"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/doubledelete/redisqueue"
	"github.com/cachet-go/cachet/internal/redistest"
	"github.com/cachet-go/cachet/store"
)

var (
	killDeletes = flag.Int("kill.deletes", 2000, "how many deletes are scheduled while processes are killed")
	late        = flag.Duration("late", 5*time.Second, "how late a delete may be; the machine may be busy")
)

const processEnv = "CACHET_REDISQUEUE_PROCESS"

// What processes leave in Redis, in µs on its clock.
type (
	acked struct {
		Key           string
		Delay         int64
		Before, After int64 // around Schedule
	}
	recorded struct{ client *redis.Client }
)

var recordScript = redis.NewScript(`
local t = redis.call('TIME')
for _, key in ipairs(ARGV) do
  redis.call('RPUSH', 'deletes', key .. ' ' .. string.format('%.0f', t[1] * 1000000 + t[2]))
end
return 1`)

// Invalidate notes the deletes where a SIGKILL does not reach. It takes some time, for kills to come in between.
func (r recorded) Invalidate(ctx context.Context, keys ...string) error {
	time.Sleep(rand.N(30 * time.Millisecond))
	args := make([]any, len(keys))
	for i, key := range keys {
		args[i] = key
	}
	return recordScript.Run(ctx, r.client, nil, args...).Err()
}

func (recorded) Fence(context.Context, uint64, time.Duration, ...string) error { panic("fence") }

func (recorded) Lift(context.Context, uint64, time.Duration, ...string) error { panic("lift") }

var _ store.Invalidator = recorded{}

// process schedules deletes, as long as there are some, and makes them, until it is killed.
func process(addr string) {
	ctx := context.Background()
	client := redis.NewClient(&redis.Options{Addr: addr})
	q := redisqueue.New(client, recorded{client}, redisqueue.Options{})
	for range 4 {
		go func() {
			for client.LPop(ctx, "todo").Err() == nil {
				key := "k" + strconv.FormatInt(client.Incr(ctx, "keys").Val(), 10)
				delay := rand.N(1500 * time.Millisecond)
				before := client.Time(ctx).Val()
				if q.Schedule(ctx, delay, key) == nil {
					line := fmt.Sprintln(key, delay.Microseconds(), before.UnixMicro(), client.Time(ctx).Val().UnixMicro())
					client.RPush(ctx, "acked", line)
				}
				time.Sleep(2 * time.Millisecond)
			}
		}()
	}
	_, _ = io.Copy(io.Discard, os.Stdin) // until the test that started it has gone
}

func start(t *testing.T, addr string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), processEnv+"="+addr)
	cmd.Stderr = os.Stderr
	_, err := cmd.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { kill(cmd) })
	return cmd
}

func kill(cmd *exec.Cmd) {
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
}

func TestNothingIsLostWhenProcessesAreKilled(t *testing.T) {
	srv := redistest.Start(t)
	client := srv.Client(t)
	ctx := t.Context()
	for range *killDeletes + 200 { // of which those that the killed had in hand are not acknowledged
		client.RPush(ctx, "todo", 1)
	}
	processes := make([]*exec.Cmd, 3)
	for i := range processes {
		processes[i] = start(t, srv.Addr)
	}
	kills := 0
	for client.LLen(ctx, "todo").Val() > 0 {
		time.Sleep(100*time.Millisecond + rand.N(200*time.Millisecond))
		i := rand.IntN(len(processes))
		kill(processes[i])
		processes[i] = start(t, srv.Addr)
		kills++
	}
	for range 10 { // and while only deletes are left
		time.Sleep(rand.N(300 * time.Millisecond))
		i := rand.IntN(len(processes))
		kill(processes[i])
		processes[i] = start(t, srv.Addr)
		kills++
	}
	empty(t, open(t, client, recorded{client}, redisqueue.Options{}))

	made := make(map[string][]int64)
	deletes := client.LRange(ctx, "deletes", 0, -1).Val()
	for _, line := range deletes {
		var key string
		var at int64
		_, err := fmt.Sscan(line, &key, &at)
		require.NoError(t, err)
		made[key] = append(made[key], at)
	}
	lines := client.LRange(ctx, "acked", 0, -1).Val()
	require.GreaterOrEqual(t, len(lines), *killDeletes)
	var latest time.Duration
	for _, line := range lines {
		var a acked
		_, err := fmt.Sscan(line, &a.Key, &a.Delay, &a.Before, &a.After)
		require.NoError(t, err)
		require.NotEmpty(t, made[a.Key], "%s is lost", a.Key)
		for _, at := range made[a.Key] {
			require.GreaterOrEqual(t, at, a.Before+a.Delay, "%s was deleted too early", a.Key)
		}
		latest = max(latest, time.Duration(made[a.Key][0]-a.After-a.Delay)*time.Microsecond)
	}
	t.Logf("%d deletes scheduled, %d made, %d processes killed; none lost, none early, the latest %v after its time",
		len(lines), len(deletes), kills, latest)
	require.LessOrEqual(t, latest, *late)
}
