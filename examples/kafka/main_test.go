package main

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/internal/kafkatest"
	"github.com/cachet-go/cachet/internal/redistest"
	"github.com/cachet-go/cachet/store"
)

func TestMain(m *testing.M) { kafkatest.Main(m) }

func small() config {
	return config{total: 3 * time.Second, bound: time.Second, readers: 8, writers: 2, products: 50}
}

func TestNothingIsLostOrWrongAfterTheWorkerWasAway(t *testing.T) {
	cfg := small()
	cfg.pause = time.Second
	v := check(t, cfg)
	require.GreaterOrEqual(t, v.longest, cfg.pause/2, "nobody has noticed that the worker was away")
}

func TestNothingIsLostOrWrongOnServersOfTheirOwn(t *testing.T) {
	cfg := small()
	cfg.pause = 500 * time.Millisecond
	cfg.brokers = kafkatest.Shared(t).Addr
	server := redistest.Start(t)
	cfg.redis = server.Addr
	check(t, cfg)
	require.EqualValues(t, 0, server.Do("DBSIZE"), "something is left in Redis")
}

func check(t *testing.T, cfg config) verdict {
	t.Helper()
	var out strings.Builder
	v, err := run(t.Context(), &out, cfg)
	t.Log(out.String())
	require.NoError(t, err)
	require.NoError(t, v.failure)
	require.True(t, v.good())
	require.Positive(t, v.written)
	require.Positive(t, v.reads)
	return v
}

// forgetful says that it has deleted, and has not.
type forgetful struct{ store.Invalidator }

func (forgetful) Invalidate(context.Context, ...string) error { return nil }

func TestAWorkerThatDeletesNothingIsFoundOut(t *testing.T) {
	cfg := small()
	cfg.total = time.Second
	s, err := open(t.Context(), cfg)
	require.NoError(t, err)
	defer func() { require.NoError(t, s.close()) }()
	s.worker.Store = forgetful{s.worker.Store}
	var out strings.Builder
	v, err := s.show(t.Context(), &out, cfg)
	require.NoError(t, err)
	require.Positive(t, v.wrong, out.String())
	require.False(t, v.good())
}
