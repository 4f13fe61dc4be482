package cachet_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet"
	"github.com/cachet-go/cachet/store/memstore"
)

func TestSmoke(t *testing.T) {
	ctx := context.Background()
	v := "v1"
	n := 0
	c, err := cachet.New(memstore.New(), cachet.Config[string, string]{
		Name: "s",
		Load: func(ctx context.Context, k string) (string, error) {
			n++
			if k == "none" {
				return "", cachet.ErrNotFound
			}
			if k == "err" {
				return "", errors.New("boom")
			}
			if k == "panic" {
				panic("x")
			}
			return v, nil
		},
	})
	require.NoError(t, err)
	defer func() { require.NoError(t, c.Close()) }()
	for range 3 {
		got, err := c.Get(ctx, "a")
		require.NoError(t, err)
		require.Equal(t, "v1", got)
	}
	require.Equal(t, 1, n)
	require.NoError(t, c.Update(ctx, "a", func(context.Context) error { v = "v2"; return nil }))
	got, err := c.Get(ctx, "a")
	require.NoError(t, err)
	require.Equal(t, "v2", got)
	for range 2 {
		_, err = c.Get(ctx, "none")
		require.ErrorIs(t, err, cachet.ErrNotFound)
	}
	_, err = c.Get(ctx, "err")
	require.ErrorContains(t, err, "boom")
	require.Panics(t, func() { _, _ = c.Get(ctx, "panic") })
	m, err := c.GetMany(ctx, []string{"a", "b", "none", "b"})
	require.NoError(t, err)
	require.Equal(t, map[string]string{"a": "v2", "b": "v2"}, m)
	m, err = c.GetMany(ctx, []string{"a", "c", "err"})
	require.ErrorContains(t, err, "boom")
	require.Equal(t, map[string]string{"a": "v2", "c": "v2"}, m)
	v = "v3"
	got, err = c.Get(ctx, "a", cachet.Fresh())
	require.NoError(t, err)
	require.Equal(t, "v3", got)
	e, ok, err := c.Peek(ctx, "a")
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, "v3", e.Value)
	require.Less(t, e.Age, time.Second)
	t.Logf("%+v", c.Stats())
}
