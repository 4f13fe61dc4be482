package bench_test

import (
	"context"
	"testing"
	"time"

	"github.com/cachet-go/cachet"
	"github.com/cachet-go/cachet/aside"
	"github.com/cachet-go/cachet/doubledelete"
	"github.com/cachet-go/cachet/doubledelete/redisqueue"
	"github.com/cachet-go/cachet/internal/redistest"
	"github.com/cachet-go/cachet/invalidation"
	"github.com/cachet-go/cachet/store/redisstore"
)

// An Update by each strategy against a DEL, where the write takes no time.
func BenchmarkUpdate(b *testing.B) {
	for _, s := range []struct {
		name string
		make func(b *testing.B, server *redistest.Server) cachet.Strategy
	}{
		{"aside", func(*testing.B, *redistest.Server) cachet.Strategy { return aside.Strategy{} }},
		{"aside, fence", func(*testing.B, *redistest.Server) cachet.Strategy {
			return aside.Strategy{Fence: time.Second}
		}},
		{"aside, replica", func(*testing.B, *redistest.Server) cachet.Strategy {
			return aside.Strategy{ReplicaLag: 100 * time.Millisecond}
		}},
		{"double delete, in memory", func(*testing.B, *redistest.Server) cachet.Strategy {
			return doubledelete.New(doubledelete.Options{Delay: 100 * time.Millisecond})
		}},
		{"double delete, in Redis", func(b *testing.B, server *redistest.Server) cachet.Strategy {
			b.Helper()
			client := server.Client(b)
			st := redisstore.New(client, redisstore.Options{})
			q := redisqueue.New(client, st, redisqueue.Options{})
			b.Cleanup(func() { _, _ = q.Close(context.Background()), st.Close() })
			return doubledelete.New(doubledelete.Options{Delay: 100 * time.Millisecond, Scheduler: q})
		}},
		{"published", func(*testing.B, *redistest.Server) cachet.Strategy {
			return invalidation.Strategy{Publisher: nowhere{}}
		}},
		{"published, eager", func(*testing.B, *redistest.Server) cachet.Strategy {
			return invalidation.Strategy{Publisher: nowhere{}, Eager: true}
		}},
	} {
		b.Run(s.name, func(b *testing.B) {
			r := newRig(b)
			c := r.open(b, r.store, func(c *cachet.Config[int64, product]) { c.Strategy = s.make(b, r.server) })
			write := func(context.Context) error { return nil }
			var id int64
			pair(b,
				func() error { id = (id + 1) % 1000; return c.Update(context.Background(), id, write) },
				func() error { return r.client.Del(context.Background(), "plain:1").Err() })
		})
	}
}

// nowhere takes events at once: what a bus costs is no matter of the cache.
type nowhere struct{}

func (nowhere) Publish(context.Context, ...invalidation.Event) error { return nil }
