package cachet_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet"
	"github.com/cachet-go/cachet/codec"
	"github.com/cachet-go/cachet/store"
)

// renamed is a codec under another name.
type renamed struct {
	codec.Codec
	name string
}

func (r renamed) Name() string { return r.name }

// A deployment changes the codec: what is stored is a miss, counted and replaced.
func TestRecordOfAnotherCodecIsACountedMissThatIsReplaced(t *testing.T) {
	b := newBed(t)
	for name, next := range map[string]codec.Codec{
		"another":                  codec.JSON,
		"one with a longer name":   renamed{codec.JSON, "json-with-dictionary-7"},
		"one with a similar name":  renamed{codec.MsgPack, codec.MsgPack.Name() + "2"},
		"the same, compressed":     codec.Compressed(codec.MsgPack, 1),
		"one whose name is longer": renamed{codec.MsgPack, strings.Repeat("x", 300)},
	} {
		for way, read := range ways {
			if way == "Fresh" {
				continue
			}
			t.Run(name+"/"+way, func(t *testing.T) {
				b.each(t, func(t *testing.T, p place) {
					src := newSource(map[string]string{"k": "v1"})
					old := open(t, p, src.config(false))
					_, err := old.Get(t.Context(), "k")
					require.NoError(t, err)
					cfg := src.config(false)
					cfg.Codec = next
					c := open(t, p, cfg)
					src.set("k", "v2") // so that who decodes the old record is found out
					for range 2 {
						v, err := read(t.Context(), c, "k")
						require.NoError(t, err)
						require.Equal(t, "v2", v)
					}
					require.Equal(t, 2, src.count())
					stats := c.Stats()
					require.EqualValues(t, 1, stats.Misses)
					require.EqualValues(t, 1, stats.Hits)
					require.EqualValues(t, 1, stats.Corrupt)
				})
			})
		}
	}
}

func TestTwoCodecsWhoseLongNamesBeginAlikeAreToldApart(t *testing.T) {
	newBed(t).each(t, func(t *testing.T, p place) {
		src := newSource(map[string]string{"k": "v1"})
		for n, name := range []string{"msgpack-zstd-dict-1", "msgpack-zstd-dict-2"} {
			cfg := src.config(false)
			cfg.Codec = renamed{codec.MsgPack, name}
			_, err := open(t, p, cfg).Get(t.Context(), "k")
			require.NoError(t, err)
			require.Equal(t, n+1, src.count())
		}
	})
}

// strict is a codec that knows its own.
type strict struct{ codec.Codec }

func (s strict) Name() string { return "strict" }

// A payload that the codec refuses heals with the first read: one load, and the next read is a hit.
func TestSpoiltPayloadHealsInOneAttempt(t *testing.T) {
	b := newBed(t)
	for way, read := range ways {
		if way == "Fresh" {
			continue
		}
		t.Run(way, func(t *testing.T) {
			b.each(t, func(t *testing.T, p place) {
				src := newSource(map[string]string{"k": "v1"})
				cfg := src.config(false)
				cfg.Codec = strict{codec.JSON}
				c := open(t, p, cfg)
				spoil(t, p, "test:k", "strict")
				_, ok, err := c.Peek(t.Context(), "k")
				require.NoError(t, err)
				require.False(t, ok)
				for range 2 {
					v, err := read(t.Context(), c, "k")
					require.NoError(t, err)
					require.Equal(t, "v1", v)
				}
				require.Equal(t, 1, src.count())
				stats := c.Stats()
				require.EqualValues(t, 1, stats.Hits)
				require.EqualValues(t, 1, stats.Misses)
			})
		})
	}
}

// spoil stores a record whose payload nobody can decode.
func spoil(t *testing.T, p place, key, codec string) {
	t.Helper()
	g := p.Lease(t.Context(), store.Ask{Key: key})[0]
	require.True(t, g.Granted())
	v := p.Fill(t.Context(), store.Fill{
		Held: store.Held{Key: key, Stamp: g.Stamp}, Codec: codec, Payload: []byte("{]"), TTL: 1 << 40,
	})[0]
	require.True(t, v.Accepted)
}

// A leader asks for the lease and is given a spoilt record that came in between.
func TestSpoiltPayloadThatIsFoundWhenAskingForTheLeaseIsLoadedPast(t *testing.T) {
	newBed(t).each(t, func(t *testing.T, p place) {
		src := newSource(map[string]string{"k": "v1"})
		st := &tapped{Store: p}
		cfg := src.config(false)
		cfg.Codec = strict{codec.JSON}
		c := open(t, st, cfg)
		look := tapNext(&st.looked)
		leader := reader(t.Context(), c, "k")
		receive(t, "it looks", look.executed)
		spoil(t, p, "test:k", "strict")
		close(look.pass)
		allRead(t, "v1", []<-chan answer{leader})
		allRead(t, "v1", []<-chan answer{reader(t.Context(), c, "k")})
		loads := src.count()
		require.LessOrEqual(t, loads, 2)
		allRead(t, "v1", []<-chan answer{reader(t.Context(), c, "k")})
		require.Equal(t, loads, src.count(), "it does not heal")
	})
}

// Whatever stands on the key is no worse than a miss.
func TestForeignKeyHealsInOneAttempt(t *testing.T) {
	b := newBed(t)
	for name, put := range map[string]func(ctx context.Context, p place, key string) error{
		"text": func(ctx context.Context, p place, key string) error {
			return p.redis.Set(ctx, key, "hello", 0).Err()
		},
		"empty string": func(ctx context.Context, p place, key string) error { return p.redis.Set(ctx, key, "", 0).Err() },
		"a version to come": func(ctx context.Context, p place, key string) error {
			return p.redis.Set(ctx, key, "\xc2V\x00\x00"+strings.Repeat("x", 100), 0).Err()
		},
		"a header cut short": func(ctx context.Context, p place, key string) error {
			return p.redis.Set(ctx, key, "\xc1V\x00\x07\x00\x00", 0).Err()
		},
		"a lease for ever": func(ctx context.Context, p place, key string) error {
			return p.redis.Set(ctx, key, "\xc1L\x00\x00"+strings.Repeat("x", 16), 0).Err()
		},
		"a fence for ever": func(ctx context.Context, p place, key string) error {
			return p.redis.Set(ctx, key, "\xc1F\x00\x01"+strings.Repeat("\x7f", 16), 0).Err()
		},
		"a hash": func(ctx context.Context, p place, key string) error { return p.redis.HSet(ctx, key, "a", "b").Err() },
		"a list": func(ctx context.Context, p place, key string) error { return p.redis.LPush(ctx, key, "a").Err() },
		"a huge string": func(ctx context.Context, p place, key string) error {
			return p.redis.Set(ctx, key, strings.Repeat("x", 4<<20), 0).Err()
		},
		"a huge record": func(ctx context.Context, p place, key string) error {
			return p.redis.Set(ctx, key, "\xc1V\x00\x07"+strings.Repeat("\x00", 32)+"msgpack"+strings.Repeat("x", 4<<20), 0).Err()
		},
	} {
		for way, read := range ways {
			t.Run(name+"/"+way, func(t *testing.T) {
				b.real(t, func(t *testing.T, p place) {
					src := newSource(map[string]string{"k": "v1"})
					c := open(t, p, src.config(true))
					require.NoError(t, put(t.Context(), p, "test:k"))
					v, err := read(t.Context(), c, "k")
					require.NoError(t, err)
					require.Equal(t, "v1", v)
					require.Equal(t, 1, src.count())
					allRead(t, "v1", joins(t.Context(), c))
					e, ok, err := c.Peek(t.Context(), "k")
					require.NoError(t, err)
					require.True(t, ok, "it does not heal")
					require.Equal(t, cachet.Entry[string]{Value: "v1", Age: e.Age}, e)
				})
			})
		}
	}
}
