package cachet_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet"
	"github.com/cachet-go/cachet/store/memstore"
)

func rows(keys ...string) map[string]string {
	m := make(map[string]string)
	for _, k := range keys {
		m[k] = "v" + k
	}
	return m
}

func TestGetManyLoadsWhatIsMissingByOneCall(t *testing.T) {
	newBed(t).each(t, func(t *testing.T, p place) {
		src := newSource(rows("a", "b", "c", "d"))
		c := open(t, p, src.config(true))
		_, err := c.Get(t.Context(), "b")
		require.NoError(t, err)
		_, err = c.Get(t.Context(), "none")
		require.Equal(t, cachet.ErrNotFound, err)

		m, err := c.GetMany(t.Context(), []string{"d", "none", "b", "a", "nobody", "c"})
		require.NoError(t, err)
		require.Equal(t, rows("a", "b", "c", "d"), m)
		require.Equal(t, [][]string{{"b"}, {"none"}, {"a", "c", "d", "nobody"}}, src.loads())

		m, err = c.GetMany(t.Context(), []string{"d", "none", "b", "a", "nobody", "c"})
		require.NoError(t, err)
		require.Equal(t, rows("a", "b", "c", "d"), m)
		require.Equal(t, 3, src.count())
	})
}

func TestGetManyWithoutABatchLoaderLoadsConcurrently(t *testing.T) {
	newBed(t).each(t, func(t *testing.T, p place) {
		var all sync.WaitGroup
		keys := []string{"a", "b", "c", "d"}
		all.Add(len(keys))
		c := open(t, p, cachet.Config[string, string]{
			Load: func(_ context.Context, key string) (string, error) {
				all.Done()
				all.Wait() // passes only if all are here
				return "v" + key, nil
			},
		})
		m, err := c.GetMany(t.Context(), keys)
		require.NoError(t, err)
		require.Equal(t, rows(keys...), m)
	})
}

// What one call loads nobody else does, and the other way round.
func TestGetManyLoadsExactlyWhatNobodyElseIsLoading(t *testing.T) {
	newBed(t).each(t, func(t *testing.T, p place) {
		src := newSource(rows("a", "b", "c", "d", "e"))
		loadA, loadBCD := src.hold(t, 1), src.hold(t, 2)
		c := open(t, p, src.config(true))

		a := reader(t.Context(), c, "a")
		loadA.awaitRead(t)
		all := make(chan answer, 1)
		var m map[string]string
		go func() {
			var err error
			m, err = c.GetMany(t.Context(), []string{"a", "b", "c", "d"})
			all <- answer{err: err}
		}()
		loadBCD.awaitRead(t)
		b := reader(t.Context(), c, "b")
		ce := batchReader(t.Context(), c, "c", "e", "a")
		until(t, "all wait", func() bool { return c.Stats().Merged == 4 && src.count() == 3 })
		require.Equal(t, [][]string{{"a"}, {"b", "c", "d"}, {"e"}}, src.loads())

		loadA.resume()
		require.Equal(t, "va", receive(t, "a", a).value)
		loadBCD.resume()
		require.Equal(t, "vb", receive(t, "b", b).value)
		require.Equal(t, "vc", receive(t, "c and e", ce).value)
		require.NoError(t, receive(t, "all", all).err)
		require.Equal(t, rows("a", "b", "c", "d"), m)
		require.Equal(t, 3, src.count())
	})
}

func TestGetManyWaitsForWhatOtherProcessesLoadWhileItLoadsTheRest(t *testing.T) {
	newBed(t).each(t, func(t *testing.T, p place) {
		src := newSource(rows("a", "b", "c"))
		loadA := src.hold(t, 1)
		one, two := open(t, p, src.config(true)), open(t, p, src.config(true))
		a := reader(t.Context(), one, "a")
		loadA.awaitRead(t)
		all := batchReader(t.Context(), two, "a", "b", "c")
		until(t, "the rest is loaded", func() bool { return src.count() == 2 })
		require.Equal(t, [][]string{{"a"}, {"b", "c"}}, src.loads())
		until(t, "the rest is stored", func() bool {
			_, ok, err := one.Peek(t.Context(), "c")
			require.NoError(t, err)
			return ok
		})
		loadA.resume()
		require.Equal(t, "va", receive(t, "all", all).value)
		require.Equal(t, "va", receive(t, "a", a).value)
		require.Equal(t, 2, src.count())
	})
}

func TestGetManyReturnsWhatThereIsTogetherWithTheErrors(t *testing.T) {
	b := newBed(t)
	errOther := errors.New("another error")
	for shape := range shapes {
		t.Run(shape, func(t *testing.T) {
			b.each(t, func(t *testing.T, p place) {
				healed := false
				c := open(t, p, shaped(shape, func(_ context.Context, key string) (string, error) {
					switch {
					case healed, key == "good", key == "hit":
						return "v" + key, nil
					case key == "none":
						return "", cachet.ErrNotFound
					case key == "bad":
						return "", errSource
					}
					return "", errOther
				}))
				_, err := c.Get(t.Context(), "hit")
				require.NoError(t, err)
				m, err := c.GetMany(t.Context(), []string{"bad", "good", "worse", "hit"})
				require.ErrorIs(t, err, errSource)
				require.ErrorIs(t, err, errOther)
				require.Equal(t, rows("good", "hit"), m)
				require.ErrorContains(t, err, "test:bad")
				require.ErrorContains(t, err, "test:worse")
				require.NotContains(t, err.Error(), "test:good")
				healed = true
				loads := c.Stats().Loads
				m, err = c.GetMany(t.Context(), []string{"bad", "good", "worse", "hit"})
				require.NoError(t, err)
				require.Equal(t, rows("bad", "good", "worse", "hit"), m)
				if shape != "Load" {
					require.Equal(t, loads+1, c.Stats().Loads)
				}
			})
		})
	}
}

// A panic for one key is everybody's who waits for that call, and leaves all its keys free.
func TestPanicOfABatchLoaderIsNoEmptyMap(t *testing.T) {
	b := newBed(t)
	ends := map[string]func(){"panic": func() { panic("boom") }, "Goexit": runtime.Goexit}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			b.each(t, func(t *testing.T, p place) {
				calls := 0
				begin := make(chan struct{})
				c := open(t, p, cachet.Config[string, string]{
					LoadMany: func(_ context.Context, keys []string) (map[string]string, error) {
						if calls++; calls == 1 {
							<-begin
							end()
						}
						return rows(keys...), nil
					},
				})
				waiting := []<-chan answer{batchReader(t.Context(), c, "a", "b", "c")}
				until(t, "it loads", func() bool { return c.Stats().Loads == 1 })
				waiting = append(waiting, reader(t.Context(), c, "b"), batchReader(t.Context(), c, "c"))
				until(t, "they join", func() bool { return c.Stats().Merged == 2 })
				close(begin)
				for _, w := range waiting {
					a := receive(t, "a caller", w)
					if name == "panic" {
						require.IsType(t, &cachet.PanicError{}, a.panic)
					} else {
						require.ErrorIs(t, a.err, cachet.ErrGoexit)
					}
					require.Empty(t, a.value)
				}
				m, err := c.GetMany(t.Context(), []string{"a", "b", "c"})
				require.NoError(t, err)
				require.Equal(t, rows("a", "b", "c"), m)
				require.Equal(t, 2, calls)
			})
		})
	}
}

func TestGetManyAsksForEachKeyOnce(t *testing.T) {
	newBed(t).each(t, func(t *testing.T, p place) {
		src := newSource(rows("a", "b"))
		c := open(t, p, src.config(true))
		for _, want := range []int64{2, 4} {
			m, err := c.GetMany(t.Context(), []string{"a", "b", "a", "a", "b"})
			require.NoError(t, err)
			require.Equal(t, rows("a", "b"), m)
			require.EqualValues(t, want, c.Stats().Hits+c.Stats().Misses)
		}
		require.Equal(t, [][]string{{"a", "b"}}, src.loads())
	})
}

// Keys of one text are one record, and each of them is in the map.
func TestGetManyAnswersEveryKeyOfOneText(t *testing.T) {
	newBed(t).each(t, func(t *testing.T, p place) {
		c := open(t, p, cachet.Config[float64, string]{
			Key:  func(k float64) string { return fmt.Sprint(int(k)) },
			Load: func(_ context.Context, k float64) (string, error) { return fmt.Sprint(int(k)), nil },
		})
		for range 2 {
			m, err := c.GetMany(t.Context(), []float64{1, 1.5, 2, 1.5, 1.7})
			require.NoError(t, err)
			require.Equal(t, map[float64]string{1: "1", 1.5: "1", 1.7: "1", 2: "2"}, m)
		}
		require.EqualValues(t, 2, c.Stats().Loads)
	})
}

func TestGetManyOfNothingDoesNothing(t *testing.T) {
	src := newSource(nil)
	c := open(t, nothing{}, src.config(true))
	for _, keys := range [][]string{nil, {}} {
		m, err := c.GetMany(t.Context(), keys)
		require.NoError(t, err)
		require.NotNil(t, m)
		require.Empty(t, m)
	}
	require.Zero(t, c.Stats())
	require.Zero(t, src.count())
}

func TestGetManyOfManyThousandKeys(t *testing.T) {
	newBed(t).each(t, func(t *testing.T, p place) {
		const n = 5000
		keys := make([]int, n)
		for i := range keys {
			keys[i] = i
		}
		calls := 0
		c := open(t, p, cachet.Config[int, int]{
			LoadMany: func(_ context.Context, keys []int) (map[int]int, error) {
				calls++
				m := make(map[int]int)
				for _, k := range keys {
					m[k] = k * k
				}
				return m, nil
			},
		})
		for range 2 {
			m, err := c.GetMany(t.Context(), keys)
			require.NoError(t, err)
			require.Len(t, m, n)
			for k, v := range m {
				require.Equal(t, k*k, v)
			}
		}
		require.Equal(t, 1, calls)
		require.EqualValues(t, n, c.Stats().Hits)
	})
}

// Batches that overlap in any order wait for one another without ever waiting in a circle.
func TestOverlappingBatchesDoNotDeadlock(t *testing.T) {
	newBed(t).each(t, func(t *testing.T, p place) {
		src := newSource(rows("0", "1", "2", "3", "4", "5", "6", "7"))
		caches := []*cachet.Cache[string, string]{
			open(t, p, src.config(true)), open(t, p, src.config(true)), open(t, p, src.config(true)),
		}
		for round := range 10 {
			var done sync.WaitGroup
			for i := range 24 {
				done.Go(func() {
					var keys []string
					for n := range 5 {
						keys = append(keys, fmt.Sprint((i*(n+1)+round)%8))
					}
					start := time.Now()
					m, err := caches[i%3].GetMany(t.Context(), keys)
					assert.NoError(t, err)
					assert.Equal(t, rows(keys...), m)
					assert.Less(t, time.Since(start), 4*time.Second, "it waited for LoadTimeout")
				})
			}
			done.Wait()
			require.NoError(t, caches[0].Invalidate(t.Context(), "0", "1", "2", "3", "4", "5", "6", "7"))
		}
	})
}

// nothing is a store that must not be asked.
type nothing struct{ *memstore.Store }

// What a batch loader does to the slice it was given is its own affair.
func TestBatchLoaderMayDoWithItsKeysWhatItLikes(t *testing.T) {
	b := newBed(t)
	for name, spoil := range map[string]func([]string){
		"sorts":      func(keys []string) { slices.Sort(keys) },
		"reverses":   func(keys []string) { slices.Reverse(keys) },
		"clears":     func(keys []string) { clear(keys) },
		"overwrites": func(keys []string) { copy(keys, []string{"x", "x", "x", "x"}) },
		"appends":    func(keys []string) { _ = append(keys, "x") },
	} {
		t.Run(name, func(t *testing.T) {
			b.each(t, func(t *testing.T, p place) {
				c := open(t, p, cachet.Config[string, string]{
					LoadMany: func(_ context.Context, keys []string) (map[string]string, error) {
						records := rows(keys...)
						delete(records, "none")
						spoil(keys)
						return records, nil
					},
				})
				keys := []string{"c", "a", "none", "d", "b"}
				for range 2 {
					m, err := c.GetMany(t.Context(), keys)
					require.NoError(t, err)
					require.Equal(t, rows("a", "b", "c", "d"), m)
				}
				require.Equal(t, []string{"c", "a", "none", "d", "b"}, keys, "the caller's keys")
				require.EqualValues(t, 1, c.Stats().Loads)
				require.EqualValues(t, 1, c.Stats().Absents)
			})
		})
	}
}
