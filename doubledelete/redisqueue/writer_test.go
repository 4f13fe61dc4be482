package redisqueue_test

import (
	"context"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet"
	"github.com/cachet-go/cachet/doubledelete"
	"github.com/cachet-go/cachet/doubledelete/redisqueue"
	"github.com/cachet-go/cachet/internal/redistest"
	"github.com/cachet-go/cachet/store/redisstore"
)

const writerEnv = "CACHET_REDISQUEUE_WRITER"

// records is a cache over a database that is also in Redis, where all processes reach it.
func records(client *redis.Client, delay time.Duration) (*cachet.Cache[string, string], *redisqueue.Queue) {
	st := redisstore.New(client, redisstore.Options{})
	q := redisqueue.New(client, st, redisqueue.Options{})
	return cachet.Must(cachet.New(st, cachet.Config[string, string]{
		Name:     "test",
		Load:     func(ctx context.Context, key string) (string, error) { return client.Get(ctx, "db:"+key).Result() },
		Strategy: doubledelete.New(doubledelete.Options{Delay: delay, Scheduler: q}),
	})), q
}

// writer is a process that commits v2 and is killed before anything else happens.
func writer(addr string) {
	client := redis.NewClient(&redis.Options{Addr: addr})
	c, _ := records(client, delay)
	_ = c.Update(context.Background(), "k", func(ctx context.Context) error {
		if _, err := c.Get(ctx, "k"); err != nil { // a reader comes between the first delete and the commit
			return err
		}
		if err := client.Set(ctx, "db:k", "v2", 0).Err(); err != nil {
			return err
		}
		self, err := os.FindProcess(os.Getpid())
		if err != nil {
			return err
		}
		_ = self.Kill()
		select {}
	})
}

func TestAWriterKilledAfterItsCommitLeavesAStaleValueForTheDelayOnly(t *testing.T) {
	t.Parallel()
	srv := redistest.Start(t)
	client := srv.Client(t)
	require.NoError(t, client.Set(t.Context(), "db:k", "v1", 0).Err())

	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), writerEnv+"="+srv.Addr)
	require.ErrorContains(t, cmd.Run(), "killed")
	require.Equal(t, "v2", client.Get(t.Context(), "db:k").Val())

	c, q := records(client, delay)
	require.Eventually(t, func() bool {
		v, err := c.Get(t.Context(), "k")
		return err == nil && v == "v2"
	}, 20*time.Second, 10*time.Millisecond)
	require.NoError(t, c.Close())
	require.NoError(t, q.Close(t.Context()))
}
