package soak_test

import (
	"context"
	"io"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/internal/torture/soak"
	"github.com/cachet-go/cachet/store"
	"github.com/cachet-go/cachet/store/memstore"
)

func TestNoReadIsStaleInMemory(t *testing.T) {
	st := memstore.New()
	report, err := soak.Run(context.Background(), soak.Plan{
		Stores: []store.Store{st, st, st, st}, Readers: 32, Writers: 8, Keys: 50, Chaos: network,
		Reads: 300_000, Time: 10 * time.Second,
		Stall: func() time.Duration { return rand.N(50 * time.Millisecond) },
		Rest:  200 * time.Millisecond, Log: io.Discard,
	})
	require.NoError(t, err)
	t.Log(report)
	require.Zero(t, report.Stale, report.FirstStale)
	require.Zero(t, report.Wrong, "cached records differ from the source at rest")
}
