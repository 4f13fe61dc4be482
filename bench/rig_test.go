package bench_test

import (
	"context"
	"errors"
	"flag"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
	"github.com/vmihailenco/msgpack/v5"

	"github.com/cachet-go/cachet"
	"github.com/cachet-go/cachet/internal/redistest"
	"github.com/cachet-go/cachet/store/redisstore"
)

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(m.Run())
}

type product struct {
	ID          int64
	Name        string
	Description string
	Price       int64
	Stock       int32
	Tags        []string
	Updated     time.Time
}

// sized returns a record that takes about so many bytes, from 100 on, with a time in it.
func sized(id int64, bytes int) product {
	p := product{ID: id, Name: "A product", Price: 1999, Stock: 12, Updated: time.Unix(1_750_000_000, 0)}
	if bytes >= 300 {
		p.Name, p.Tags = "A product with a name", []string{"new", "offer", "spring"}
	}
	p.Description = strings.Repeat("described ", max(0, bytes-160)/10)
	return p
}

// rig is a server with a cache on it, and the plain client. There is no record under an id below zero.
type rig struct {
	server *redistest.Server
	client *redis.Client
	sent   *redistest.Sent
	loads  atomic.Int64
	source time.Duration // what a load takes
	size   int           // of a record, about
	store  *redisstore.Store
	cache  *cachet.Cache[int64, product]
}

func newRig(tb testing.TB, with ...func(*cachet.Config[int64, product])) *rig {
	tb.Helper()
	r := &rig{server: redistest.Start(tb), sent: new(redistest.Sent), size: 300}
	r.client = r.server.Client(tb)
	own := r.server.Client(tb)
	own.AddHook(r.sent)
	r.store = redisstore.New(own, redisstore.Options{})
	tb.Cleanup(func() { require.NoError(tb, r.store.Close()) })
	r.cache = r.open(tb, r.store, with...)
	return r
}

// open returns one more cache of the same records.
func (r *rig) open(
	tb testing.TB, st *redisstore.Store, with ...func(*cachet.Config[int64, product]),
) *cachet.Cache[int64, product] {
	tb.Helper()
	cfg := cachet.Config[int64, product]{
		Name: "p",
		Load: func(_ context.Context, id int64) (product, error) {
			if id < 0 {
				return product{}, cachet.ErrNotFound
			}
			return r.load(id), nil
		},
		LoadMany: func(_ context.Context, ids []int64) (map[int64]product, error) {
			found := make(map[int64]product, len(ids))
			for _, id := range ids {
				found[id] = r.load(id)
			}
			return found, nil
		},
		TTL: time.Hour,
	}
	for _, change := range with {
		change(&cfg)
	}
	c := cachet.Must(cachet.New(st, cfg))
	tb.Cleanup(func() { require.NoError(tb, c.Close()) })
	return c
}

// fill stores n records for either side.
func (r *rig) fill(tb testing.TB, n int) (ids []int64, plain []string) {
	tb.Helper()
	for id := range int64(n) {
		ids = append(ids, id)
		plain = append(plain, "plain:"+strconv.FormatInt(id, 10))
		require.NoError(tb, r.set(plain[id], sized(id, r.size)))
	}
	_, err := r.cache.GetMany(tb.Context(), ids)
	require.NoError(tb, err)
	return ids, plain
}

func (r *rig) load(id int64) product {
	r.loads.Add(1)
	if r.source > 0 {
		time.Sleep(r.source)
	}
	return sized(id, r.size)
}

func (r *rig) get(key string) error {
	b, err := r.client.Get(context.Background(), key).Bytes()
	if err != nil {
		return err
	}
	var p product
	return msgpack.Unmarshal(b, &p)
}

// naive reads a record by what everybody writes first: GET, load, SET.
func (r *rig) naive(id int64) error {
	key := "plain:" + strconv.FormatInt(id, 10)
	if err := r.get(key); !errors.Is(err, redis.Nil) {
		return err
	}
	return r.set(key, r.load(id))
}

func (r *rig) set(key string, p product) error {
	b, err := msgpack.Marshal(&p)
	if err != nil {
		return err
	}
	return r.client.Set(context.Background(), key, b, time.Hour).Err()
}
