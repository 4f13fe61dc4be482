package spool_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet"
	"github.com/cachet-go/cachet/internal/redistest"
	"github.com/cachet-go/cachet/spool"
	"github.com/cachet-go/cachet/store"
	"github.com/cachet-go/cachet/store/redisstore"
)

var kills = flag.Int("kills", 20, "how many writers are killed")

const (
	writerEnv = "CACHET_SPOOL_WRITER"
	writers   = 8 // at once in each process
)

// The writers that are killed are this program, started anew.
func TestMain(m *testing.M) {
	if args := os.Getenv(writerEnv); args != "" {
		writer(strings.Fields(args))
		return
	}
	os.Exit(m.Run())
}

// deaf is a store that Redis does not hear when something is to be invalidated.
type deaf struct{ store.Store }

func (deaf) Invalidate(context.Context, ...string) error { return errors.New("unreachable") }

func cache(client *redis.Client, st store.Store, sp cachet.Spool) *cachet.Cache[string, string] {
	return cachet.Must(cachet.New(st, cachet.Config[string, string]{
		Name:  "test",
		Load:  func(ctx context.Context, key string) (string, error) { return client.Get(ctx, "db:"+key).Result() },
		TTL:   time.Hour,
		Spool: sp,
		Hooks: cachet.Hooks{Error: func(context.Context, error) {}},
	}))
}

// writer commits version after version, cannot invalidate, and is killed once a number of its writes have been
// acknowledged, while others are under way. What is acknowledged it writes to its output.
func writer(args []string) {
	addr, dir := args[0], args[1]
	left, _ := strconv.Atoi(args[2])
	client := redis.NewClient(&redis.Options{Addr: addr})
	sp, err := spool.Open(dir, spool.Options{})
	if err != nil {
		fmt.Println("error", err)
		return
	}
	c := cache(client, deaf{redisstore.New(client, redisstore.Options{})}, sp)
	var mu sync.Mutex
	for w := range writers {
		go func() {
			ctx, key := context.Background(), fmt.Sprint("k", w)
			for {
				var version int64
				err := c.Update(ctx, key, func(ctx context.Context) (err error) {
					version, err = client.Incr(ctx, "db:"+key).Result()
					return err
				})
				if !errors.Is(err, cachet.ErrDeferred) {
					fmt.Println("error", err)
				}
				mu.Lock()
				fmt.Println(key, version)
				if left--; left < 0 {
					self, _ := os.FindProcess(os.Getpid())
					_ = self.Kill()
					select {} // with mu: nothing is acknowledged after that
				}
				mu.Unlock()
			}
		}()
	}
	select {}
}

func TestInvalidationsOfKilledWritersAreMadeAfterTheRestart(t *testing.T) {
	srv := redistest.Start(t)
	client := srv.Client(t)
	dir := t.TempDir()
	for w := range writers {
		require.NoError(t, client.Set(t.Context(), fmt.Sprint("db:k", w), 0, 0).Err())
	}
	acknowledged := 0
	for n := range *kills {
		// Copies of what the writer is about to change.
		st := redisstore.New(client, redisstore.Options{})
		sp, err := spool.Open(dir, spool.Options{})
		require.NoError(t, err)
		c := cache(client, st, sp)
		for w := range writers {
			_, err := c.Get(t.Context(), fmt.Sprint("k", w))
			require.NoError(t, err)
		}
		require.NoError(t, c.Close())
		require.NoError(t, sp.Close())

		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s %s %d", writerEnv, srv.Addr, dir, n%25))
		out, err := cmd.Output()
		require.ErrorContains(t, err, "killed", "%s", out)
		require.NotContains(t, string(out), "error")

		sp, err = spool.Open(dir, spool.Options{Error: func(err error) { t.Errorf("reported: %v", err) }})
		require.NoError(t, err)
		require.NotEmpty(t, sp.Pending("test:"))
		c = cache(client, st, sp)
		require.Eventually(t, func() bool { return c.Stats().Pending == 0 }, 20*time.Second, 5*time.Millisecond)
		for line := range strings.Lines(string(out)) {
			var key string
			var version int
			_, err := fmt.Sscan(line, &key, &version)
			require.NoError(t, err)
			got, err := c.Get(t.Context(), key)
			require.NoError(t, err)
			seen, err := strconv.Atoi(got)
			require.NoError(t, err)
			require.GreaterOrEqual(t, seen, version, "%s is stale after the restart", key)
			acknowledged++
		}
		require.NoError(t, c.Close())
		require.Empty(t, sp.Pending(""))
		require.NoError(t, sp.Close())
		require.NoError(t, st.Close())
	}
	t.Logf("%d writers killed, %d acknowledged writes, none stale", *kills, acknowledged)
}
