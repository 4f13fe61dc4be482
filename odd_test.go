package cachet_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet"
	"github.com/cachet-go/cachet/aside"
	"github.com/cachet-go/cachet/internal/redistest"
	"github.com/cachet-go/cachet/store/redisstore"
)

// trouble is a state of a server that is up.
type trouble struct {
	cause, cure func(*redistest.Server)
	written     bool // an invalidation gets through
}

var troubles = map[string]trouble{
	"LOADING": {
		cause: func(s *redistest.Server) {
			s.Do("debug", "populate", 4000)
			s.Do("config", "set", "key-load-delay", 1000)
			reloading := redis.NewClient(&redis.Options{Addr: s.Addr, MaxRetries: -1, ReadTimeout: time.Second})
			_ = reloading.Do(context.Background(), "debug", "reload").Err() // times out
			_ = reloading.Close()
		},
		cure: func(s *redistest.Server) { s.Do("config", "set", "key-load-delay", 0) },
	},
	"READONLY": {
		cause: func(s *redistest.Server) { s.Do("replicaof", "127.0.0.1", 1) },
		cure:  func(s *redistest.Server) { s.Do("replicaof", "no", "one") },
	},
	"MASTERDOWN": {
		cause: func(s *redistest.Server) {
			s.Do("config", "set", "replica-serve-stale-data", "no")
			s.Do("replicaof", "127.0.0.1", 1)
		},
		cure: func(s *redistest.Server) { s.Do("replicaof", "no", "one") },
	},
	"NOPERM": {
		cause: func(s *redistest.Server) { s.Do("acl", "setuser", "cachet", "nocommands") },
		cure:  func(s *redistest.Server) { s.Do("acl", "setuser", "cachet", "allcommands") },
	},
	"WRONGPASS": {
		cause: func(s *redistest.Server) {
			s.Do("acl", "setuser", "cachet", "resetpass", ">other")
			s.Do("client", "kill", "user", "cachet")
		},
		cure: func(s *redistest.Server) { s.Do("acl", "setuser", "cachet", "resetpass", ">secret") },
	},
	"OOM": {
		cause: func(s *redistest.Server) { s.Do("config", "set", "maxmemory", 1, "maxmemory-policy", "noeviction") },
		cure:  func(s *redistest.Server) { s.Do("config", "set", "maxmemory", 0) },

		written: true,
	},
}

// A server that is up and refuses to work fails no read. Writes are made and, where they cannot be invalidated, reported
// and retried until they are.
func TestNoReadFailsWhileTheServerRefusesToWork(t *testing.T) {
	t.Parallel()
	for name, tr := range troubles {
		for kind, how := range map[string]cachet.Strategy{"plain": aside.Strategy{}, "fenced": aside.Strategy{Fence: time.Minute}} {
			t.Run(name+"/"+kind, func(t *testing.T) {
				t.Parallel()
				refuse(t, tr, how)
			})
		}
	}
}

func refuse(t *testing.T, tr trouble, how cachet.Strategy) {
	t.Helper()
	server := redistest.Start(t, "--enable-debug-command", "yes", "--loading-process-events-interval-bytes", "1024")
	server.Do("acl", "setuser", "cachet", "on", ">secret", "allkeys", "allchannels", "allcommands")
	st := redisstore.New(server.Client(t, func(o *redis.Options) {
		o.Username, o.Password = "cachet", "secret"
	}), redisstore.Options{})
	t.Cleanup(func() { require.NoError(t, st.Close()) })
	src := newSource(map[string]string{"k": "v1"})
	cfg := src.config(false)
	cfg.Strategy = how
	c := open(t, st, cfg)
	require.Equal(t, "v1", get(t, c))

	tr.cause(server)
	ctx, stop := context.WithCancel(context.Background())
	var (
		all  sync.WaitGroup
		read atomic.Int64
	)
	defer all.Wait()
	defer stop()
	for range 8 {
		all.Go(func() {
			for ctx.Err() == nil {
				ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
				v, err := c.Get(ctx, "k")
				cancel()
				if !assert.NoError(t, err) || !assert.NotEmpty(t, v) {
					return
				}
				read.Add(1)
				time.Sleep(time.Millisecond)
			}
		})
	}
	time.Sleep(200 * time.Millisecond)
	err := c.Update(t.Context(), "k", src.write("k", "v2"))
	if tr.written {
		require.NoError(t, err)
	} else {
		var ierr *cachet.InvalidationError
		require.ErrorAs(t, err, &ierr)
	}
	before := read.Load()
	until(t, "reads go on", func() bool { return read.Load() > before+100 })
	tr.cure(server)
	until(t, "the retry delivers", func() bool { return c.Stats().Pending == 0 })
	require.Equal(t, "v2", get(t, c))
	until(t, "it is stored", func() bool {
		require.Equal(t, "v2", get(t, c))
		_, ok, err := c.Peek(t.Context(), "k")
		return ok && err == nil
	})
}
