package cachet_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet"
)

// shapes are the ways of configuring a loader.
var shapes = map[string]struct{ load, many bool }{
	"Load": {load: true}, "LoadMany": {many: true}, "both": {load: true, many: true},
}

// shaped makes a Config of a loader in one of the shapes. The batch loader calls it for one key after the other
// and returns what it has together with the errors of the others.
func shaped[V any](shape string, load func(ctx context.Context, key string) (V, error)) cachet.Config[string, V] {
	var cfg cachet.Config[string, V]
	if shapes[shape].load {
		cfg.Load = load
	}
	if shapes[shape].many {
		cfg.LoadMany = func(ctx context.Context, keys []string) (map[string]V, error) {
			records := make(map[string]V)
			var errs []error
			for _, key := range keys {
				v, err := load(ctx, key)
				switch {
				case err == nil:
					records[key] = v
				case !errors.Is(err, cachet.ErrNotFound):
					errs = append(errs, err)
				}
			}
			return records, errors.Join(errs...)
		}
	}
	return cfg
}

// ways are the ways of reading one key.
var ways = map[string]func(context.Context, *cachet.Cache[string, string], string) (string, error){
	"Get": func(ctx context.Context, c *cachet.Cache[string, string], key string) (string, error) {
		return c.Get(ctx, key)
	},
	"GetMany": func(ctx context.Context, c *cachet.Cache[string, string], key string) (string, error) {
		return getMany(ctx, c, key)
	},
	"Fresh": func(ctx context.Context, c *cachet.Cache[string, string], key string) (string, error) {
		return c.Get(ctx, key, cachet.Fresh())
	},
}

var errSource = errors.New("the source is broken")

// failures are loaders that come to nothing, each with what it looks like to a caller.
var failures = map[string]struct {
	load  func(ctx context.Context, end <-chan struct{}) (string, error)
	check func(t *testing.T, a answer)
	hangs bool
}{
	"error": {
		load:  func(context.Context, <-chan struct{}) (string, error) { return "junk", errSource },
		check: func(t *testing.T, a answer) { require.ErrorIs(t, a.err, errSource) },
	},
	"panic": {
		load: func(context.Context, <-chan struct{}) (string, error) { panic("boom") },
		check: func(t *testing.T, a answer) {
			p, ok := a.panic.(*cachet.PanicError)
			require.True(t, ok, "%#v", a)
			require.Equal(t, "boom", p.Value)
			require.Contains(t, string(p.Stack), "loader_test.go", "the stack is not the loader's")
		},
	},
	"panic with an error": {
		load: func(context.Context, <-chan struct{}) (string, error) { panic(errSource) },
		check: func(t *testing.T, a answer) {
			p, ok := a.panic.(*cachet.PanicError)
			require.True(t, ok, "%#v", a)
			require.ErrorIs(t, p, errSource)
		},
	},
	"panic with nil": {
		load:  func(context.Context, <-chan struct{}) (string, error) { panic(nil) },
		check: func(t *testing.T, a answer) { require.IsType(t, &cachet.PanicError{}, a.panic) },
	},
	"Goexit": {
		load:  func(context.Context, <-chan struct{}) (string, error) { runtime.Goexit(); return "junk", nil },
		check: func(t *testing.T, a answer) { require.ErrorIs(t, a.err, cachet.ErrGoexit) },
	},
	"hangs until its context ends": {
		load: func(ctx context.Context, _ <-chan struct{}) (string, error) {
			<-ctx.Done()
			return "junk", fmt.Errorf("source: %w", ctx.Err())
		},
		check: func(t *testing.T, a answer) { require.ErrorIs(t, a.err, context.DeadlineExceeded) },
		hangs: true,
	},
	"hangs and ignores its context": {
		load: func(_ context.Context, end <-chan struct{}) (string, error) { <-end; return "late", nil },
		check: func(t *testing.T, a answer) {
			require.ErrorIs(t, a.err, cachet.ErrLoadTimeout)
			require.ErrorIs(t, a.err, context.DeadlineExceeded)
		},
		hangs: true,
	},
}

const loadTimeout = 300 * time.Millisecond

// A load that comes to nothing tells everybody who waits for it, at once or after LoadTimeout, and leaves the
// key free for the next.
func TestFailedLoadReachesAllWhoWaitAndLeavesTheKeyFree(t *testing.T) {
	b := newBed(t)
	for name, failure := range failures {
		for shape := range shapes {
			for way, read := range ways {
				t.Run(name+"/"+shape+"/"+way, func(t *testing.T) {
					b.each(t, func(t *testing.T, p place) {
						begin, end := make(chan struct{}), make(chan struct{})
						defer close(end)
						var calls atomic.Int64
						cfg := shaped(shape, func(ctx context.Context, _ string) (string, error) {
							if calls.Add(1) > 1 {
								return "good", nil
							}
							<-begin
							return failure.load(ctx, end)
						})
						cfg.LoadTimeout = loadTimeout
						c := open(t, p, cfg)

						waiting := []<-chan answer{ask(func() (string, error) { return read(t.Context(), c, "k") })}
						until(t, "the load begins", func() bool { return calls.Load() == 1 })
						if way != "Fresh" { // which nobody joins
							waiting = append(waiting, reader(t.Context(), c, "k"), batchReader(t.Context(), c, "k"), reader(t.Context(), c, "k"))
							until(t, "they wait for it", func() bool { return c.Stats().Merged == 3 })
						}
						close(begin)
						for _, w := range waiting {
							a := receive(t, "a caller returns", w)
							failure.check(t, a)
							require.Empty(t, a.value)
							if p.inBubble() && !failure.hangs {
								require.Less(t, a.took, 50*time.Millisecond, "the caller waited for nothing")
							}
							if p.inBubble() {
								require.LessOrEqual(t, a.took, loadTimeout)
							}
						}
						require.EqualValues(t, 1, calls.Load())

						start := time.Now()
						got, err := c.Get(t.Context(), "k")
						require.NoError(t, err)
						require.Equal(t, "good", got)
						if p.inBubble() {
							require.Less(t, time.Since(start), 50*time.Millisecond, "the key was not free")
						}
						require.EqualValues(t, 2, calls.Load())
						stats := c.Stats()
						require.EqualValues(t, 1, stats.LoadErrors)
						require.EqualValues(t, 2, stats.Loads)
					})
				})
			}
		}
	}
}

// What a hung loader comes back with after its time is neither stored nor handed out.
func TestLateResultOfAHungLoaderIsDropped(t *testing.T) {
	newBed(t).each(t, func(t *testing.T, p place) {
		end := make(chan struct{})
		var calls atomic.Int64
		returned := make(chan struct{})
		c := open(t, p, cachet.Config[string, string]{
			LoadTimeout: loadTimeout,
			Load: func(context.Context, string) (string, error) {
				if calls.Add(1) == 1 {
					defer close(returned)
					<-end
					return "late", nil
				}
				return "good", nil
			},
		})
		_, err := c.Get(t.Context(), "k")
		require.ErrorIs(t, err, cachet.ErrLoadTimeout)
		close(end)
		receive(t, "the loader returns", returned)
		got, err := c.Get(t.Context(), "k")
		require.NoError(t, err)
		require.Equal(t, "good", got)
	})
}

// absences are the ways of saying that there is no such record.
var absences = map[string]struct {
	load     func() (string, error)
	notFound func(error) bool
}{
	"ErrNotFound":         {load: func() (string, error) { return "junk", cachet.ErrNotFound }},
	"ErrNotFound wrapped": {load: func() (string, error) { return "", fmt.Errorf("user 7: %w", cachet.ErrNotFound) }},
	"sql.ErrNoRows":       {load: func() (string, error) { return "", sql.ErrNoRows }},
	"ErrNoRows wrapped":   {load: func() (string, error) { return "", fmt.Errorf("user 7: %w", sql.ErrNoRows) }},
	"NotFound": {
		load:     func() (string, error) { return "", errSource },
		notFound: func(err error) bool { return errors.Is(err, errSource) },
	},
	"ErrNotFound beside NotFound": {
		load:     func() (string, error) { return "", cachet.ErrNotFound },
		notFound: func(error) bool { return false },
	},
}

func TestAbsenceIsErrNotFoundAndIsRemembered(t *testing.T) {
	b := newBed(t)
	for name, absence := range absences {
		for shape := range shapes {
			for way, read := range ways {
				t.Run(name+"/"+shape+"/"+way, func(t *testing.T) {
					b.each(t, func(t *testing.T, p place) {
						var calls atomic.Int64
						cfg := shaped(shape, func(context.Context, string) (string, error) {
							calls.Add(1)
							return absence.load()
						})
						cfg.NotFound = absence.notFound
						c := open(t, p, cfg)
						_, err := read(t.Context(), c, "k")
						require.Equal(t, cachet.ErrNotFound, err)
						for _, read := range []string{"Get", "GetMany"} {
							v, err := ways[read](t.Context(), c, "k")
							require.Equal(t, cachet.ErrNotFound, err)
							require.Empty(t, v)
						}
						require.EqualValues(t, 1, calls.Load(), "it was forgotten that there is none")
						require.EqualValues(t, 2, c.Stats().Absents)
						require.Zero(t, c.Stats().LoadErrors)
					})
				})
			}
		}
	}
}

func TestSqlErrNoRowsIsAnErrorWhereNotFoundSaysSo(t *testing.T) {
	newBed(t).memory(t, func(t *testing.T, p place) {
		c := open(t, p, cachet.Config[string, string]{
			Load:     func(context.Context, string) (string, error) { return "", sql.ErrNoRows },
			NotFound: func(error) bool { return false },
		})
		_, err := c.Get(t.Context(), "k")
		require.ErrorIs(t, err, sql.ErrNoRows)
		require.NotErrorIs(t, err, cachet.ErrNotFound)
	})
}

func TestRecordsMissingFromTheMapOfABatchAreAbsent(t *testing.T) {
	b := newBed(t)
	for name, records := range map[string]map[string]string{"nil map": nil, "empty map": {}, "others": {"x": "1", "y": "2"}} {
		t.Run(name, func(t *testing.T) {
			b.each(t, func(t *testing.T, p place) {
				calls := 0
				c := open(t, p, cachet.Config[string, string]{
					LoadMany: func(context.Context, []string) (map[string]string, error) { calls++; return records, nil },
				})
				for range 2 {
					m, err := c.GetMany(t.Context(), []string{"a", "b"})
					require.NoError(t, err)
					require.Empty(t, m)
					require.NotNil(t, m)
				}
				_, err := c.Get(t.Context(), "a")
				require.Equal(t, cachet.ErrNotFound, err)
				require.Equal(t, 1, calls)
				_, ok, err := c.Peek(t.Context(), "x")
				require.NoError(t, err)
				require.False(t, ok, "a record that nobody asked for was stored")
			})
		})
	}
}

// With an error that means absence, the records that do not come with it are absent.
func TestBatchMayReturnRecordsTogetherWithErrNotFound(t *testing.T) {
	newBed(t).each(t, func(t *testing.T, p place) {
		c := open(t, p, cachet.Config[string, string]{
			LoadMany: func(context.Context, []string) (map[string]string, error) {
				return map[string]string{"a": "1"}, fmt.Errorf("b: %w", cachet.ErrNotFound)
			},
		})
		m, err := c.GetMany(t.Context(), []string{"a", "b"})
		require.NoError(t, err)
		require.Equal(t, map[string]string{"a": "1"}, m)
		_, err = c.Get(t.Context(), "b")
		require.Equal(t, cachet.ErrNotFound, err)
		require.EqualValues(t, 1, c.Stats().Loads)
	})
}

// A loader that has recovered from the panic of an inner cache, and returns it, has not panicked.
func TestPanicErrorThatALoaderReturnsIsAnError(t *testing.T) {
	b := newBed(t)
	for shape := range shapes {
		for way, read := range ways {
			t.Run(shape+"/"+way, func(t *testing.T) {
				b.memory(t, func(t *testing.T, p place) {
					inner := &cachet.PanicError{Value: "boom"}
					c := open(t, p, shaped(shape, func(context.Context, string) (string, error) {
						return "", fmt.Errorf("inner: %w", inner)
					}))
					a := receive(t, "it returns", ask(func() (string, error) { return read(t.Context(), c, "k") }))
					require.Nil(t, a.panic)
					require.ErrorIs(t, a.err, inner)
				})
			})
		}
	}
}

// The loader of one cache reads through another, which panics.
func TestPanicOfAnInnerCacheIsThatOfTheOuterOne(t *testing.T) {
	newBed(t).memory(t, func(t *testing.T, p place) {
		inner := open(t, p, cachet.Config[string, string]{
			Name: "inner", Load: func(context.Context, string) (string, error) { panic("boom") },
		})
		outer := open(t, p, cachet.Config[string, string]{Name: "outer", Load: func(ctx context.Context, key string) (string, error) {
			return inner.Get(ctx, key)
		}})
		a := receive(t, "it returns", reader(t.Context(), outer, "k"))
		p1, ok := a.panic.(*cachet.PanicError)
		require.True(t, ok, "%#v", a)
		var cause *cachet.PanicError
		require.ErrorAs(t, p1.Value.(error), &cause)
		require.Equal(t, "boom", cause.Value)
	})
}
