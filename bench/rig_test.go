package bench_test

import (
	"context"
	"flag"
	"os"
	"strconv"
	"strings"
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

// product takes about 300 bytes.
type product struct {
	ID          int64
	Name        string
	Description string
	Price       int64
	Stock       int32
	Tags        []string
	Updated     time.Time
}

func make300(id int64) product {
	return product{
		ID: id, Name: "A product with a name", Description: strings.Repeat("described ", 14), Price: 1999, Stock: 12,
		Tags: []string{"new", "offer", "spring"}, Updated: time.Unix(1_750_000_000, 0),
	}
}

// rig is a server with a cache on it, and the plain client.
type rig struct {
	server *redistest.Server
	client *redis.Client
	sent   *redistest.Sent
	source time.Duration // what a load takes
	cache  *cachet.Cache[int64, product]
}

func newRig(tb testing.TB) *rig {
	tb.Helper()
	r := &rig{server: redistest.Start(tb), sent: new(redistest.Sent)}
	r.client = r.server.Client(tb)
	own := r.server.Client(tb)
	own.AddHook(r.sent)
	st := redisstore.New(own, redisstore.Options{})
	r.cache = cachet.Must(cachet.New(st, cachet.Config[int64, product]{
		Name: "p",
		Load: func(_ context.Context, id int64) (product, error) { return r.load(id), nil },
		LoadMany: func(_ context.Context, ids []int64) (map[int64]product, error) {
			found := make(map[int64]product, len(ids))
			for _, id := range ids {
				found[id] = r.load(id)
			}
			return found, nil
		},
		TTL: time.Hour,
	}))
	tb.Cleanup(func() {
		require.NoError(tb, r.cache.Close())
		require.NoError(tb, st.Close())
	})
	return r
}

// fill stores n records for either side.
func (r *rig) fill(tb testing.TB, n int) (ids []int64, plain []string) {
	tb.Helper()
	for id := range int64(n) {
		ids = append(ids, id)
		plain = append(plain, "plain:"+strconv.FormatInt(id, 10))
		require.NoError(tb, r.set(plain[id], make300(id)))
	}
	_, err := r.cache.GetMany(tb.Context(), ids)
	require.NoError(tb, err)
	return ids, plain
}

func (r *rig) load(id int64) product {
	if r.source > 0 {
		time.Sleep(r.source)
	}
	return make300(id)
}

func (r *rig) get(key string) error {
	b, err := r.client.Get(context.Background(), key).Bytes()
	if err != nil {
		return err
	}
	var p product
	return msgpack.Unmarshal(b, &p)
}

func (r *rig) set(key string, p product) error {
	b, err := msgpack.Marshal(&p)
	if err != nil {
		return err
	}
	return r.client.Set(context.Background(), key, b, time.Hour).Err()
}
