package soak_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/cachet-go/cachet"
	"github.com/cachet-go/cachet/aside"
	"github.com/cachet-go/cachet/internal/redistest"
	"github.com/cachet-go/cachet/store/redisstore"
)

// The environment that turns the test binary into a process to be killed.
const (
	childRole  = "CACHET_CHILD"
	childRedis = "CACHET_REDIS"
	childKey   = "CACHET_KEY"
	childFence = "CACHET_FENCE"
)

func TestMain(m *testing.M) {
	switch os.Getenv(childRole) {
	case "writer":
		writeAndHang()
	case "hot":
		readHot()
	case "reader":
		loadAndHang()
	default:
		os.Exit(m.Run())
	}
}

// database is a register per key that several processes share.
type database struct{ client *redis.Client }

func (d database) load(ctx context.Context, key string) (int64, error) {
	return d.client.Get(ctx, "database:"+key).Int64()
}

func (d database) write(ctx context.Context, key string) (int64, error) {
	return d.client.Incr(ctx, "database:"+key).Result()
}

func shared(
	client *redis.Client, fence time.Duration, load func(context.Context, string) (int64, error),
) *cachet.Cache[string, int64] {
	return cachet.Must(cachet.New(redisstore.New(client, redisstore.Options{}), cachet.Config[string, int64]{
		Name: "crash", Load: load, LoadTimeout: time.Minute, Strategy: aside.Strategy{Fence: fence},
	}))
}

// say tells the parent, which reads lines, how far the child has come.
func say(what string) { _, _ = fmt.Fprintln(os.Stdout, what) }

func hang() { select {} }

func writeAndHang() {
	client := redis.NewClient(&redis.Options{Addr: os.Getenv(childRedis)})
	fence, err := time.ParseDuration(os.Getenv(childFence))
	if err != nil {
		panic(err)
	}
	db := database{client}
	key := os.Getenv(childKey)
	err = shared(client, fence, db.load).Update(context.Background(), key, func(ctx context.Context) error {
		if _, err := db.write(ctx, key); err != nil {
			return err
		}
		say("committed")
		hang()
		return nil
	})
	panic(err)
}

func loadAndHang() {
	client := redis.NewClient(&redis.Options{Addr: os.Getenv(childRedis)})
	_, err := shared(client, 0, func(ctx context.Context, key string) (int64, error) {
		client.Incr(ctx, "loads:"+key)
		say("loading")
		hang()
		return 0, nil
	}).Get(context.Background(), os.Getenv(childKey))
	panic(err)
}

// child starts a process in a role and returns it when it has said that it is where it should be killed.
func child(t *testing.T, server *redistest.Server, role, key string, fence time.Duration) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(),
		childRole+"="+role, childRedis+"="+server.Addr, childKey+"="+key, childFence+"="+fence.String())
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	require.Contains(t, []string{"committed", "loading"}, strings.TrimSpace(line))
	return cmd
}

func kill(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	require.NoError(t, cmd.Process.Kill())
	_ = cmd.Wait() // it was killed
}

// killedWriters has n writers killed between commit and invalidation, and returns for how many of them a
// read was stale after the fence had lapsed.
func killedWriters(t *testing.T, n int, fence time.Duration) int64 {
	t.Helper()
	server := redistest.Start(t)
	client := server.Client(t)
	db := database{client}
	cache := shared(client, fence, db.load)
	var stale atomic.Int64
	var group errgroup.Group
	group.SetLimit(8)
	for i := range n {
		group.Go(func() error {
			ctx := context.Background()
			key := fmt.Sprint("k", i)
			if _, err := db.write(ctx, key); err != nil {
				return err
			}
			if _, err := cache.Get(ctx, key); err != nil {
				return err
			}
			kill(t, child(t, server, "writer", key, fence))
			committed, err := db.load(ctx, key)
			if err != nil {
				return err
			}
			if fence > 0 { // until it lapses, reads pass by the cache
				if v, err := cache.Get(ctx, key); err != nil || v != committed {
					stale.Add(1)
				}
				time.Sleep(fence)
			}
			for range 3 {
				v, err := cache.Get(ctx, key)
				if err != nil {
					return err
				}
				if v != committed {
					stale.Add(1)
					break
				}
			}
			return nil
		})
	}
	require.NoError(t, group.Wait())
	return stale.Load()
}

func TestFencedWriterKilledAfterItsCommitLeavesNothingStale(t *testing.T) {
	require.Zero(t, killedWriters(t, 200, 300*time.Millisecond))
}

// The test of the test, and a documented limit: without a fence the old value stays until its TTL is over.
func TestUnfencedWriterKilledAfterItsCommitLeavesAStaleValue(t *testing.T) {
	require.EqualValues(t, 20, killedWriters(t, 20, 0))
}

func TestLoadGoesOnElsewhereWhenItsProcessIsKilled(t *testing.T) {
	server := redistest.Start(t)
	client := server.Client(t)
	ctx := context.Background()
	loading := make(chan time.Time, 10)
	cache := shared(client, 0, func(ctx context.Context, key string) (int64, error) {
		loading <- time.Now()
		return client.Incr(ctx, "loads:"+key).Result()
	})
	for i := range 5 {
		key := fmt.Sprint("k", i)
		holder := child(t, server, "reader", key, 0)
		got := make(chan int64)
		go func() {
			v, err := cache.Get(ctx, key)
			if err != nil {
				v = -1
			}
			got <- v
		}()
		time.Sleep(1500 * time.Millisecond) // the lease is renewed while its holder lives
		require.Empty(t, loading, "the load began while its holder was alive")
		kill(t, holder)
		killed := time.Now()
		require.EqualValues(t, 2, <-got, "loads in all")
		t.Logf("the next load began %v after the kill", (<-loading).Sub(killed).Round(time.Millisecond))
	}
}
