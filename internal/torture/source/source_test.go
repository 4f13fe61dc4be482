package source_test

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/internal/torture/clock"
	"github.com/cachet-go/cachet/internal/torture/source"
)

func serve(t *testing.T, stall time.Duration) (*source.Source, *source.Client) {
	t.Helper()
	s := source.New(2)
	server, err := source.Serve(s, 1, func(*rand.Rand) time.Duration { return stall })
	require.NoError(t, err)
	t.Cleanup(server.Close)
	return s, source.NewClient(server.Addr)
}

func TestACommitIsReadAndOneThatIsOvertakenIsRefused(t *testing.T) {
	s, c := serve(t, 0)
	first, err := c.Begin(t.Context(), 1)
	require.NoError(t, err)
	second, err := c.Begin(t.Context(), 1)
	require.NoError(t, err)
	later := clock.Now() + int64(time.Minute)
	require.NoError(t, c.Commit(t.Context(), 1, second, later))
	require.ErrorIs(t, c.Commit(t.Context(), 1, first, later), source.ErrRefused)
	got, err := c.Read(t.Context(), []int{0, 1})
	require.NoError(t, err)
	assert.Equal(t, []uint32{1, second}, got)
	require.Len(t, s.Commits(1), 1)
	assert.LessOrEqual(t, s.Commits(1)[0].Begin, s.Commits(1)[0].End)
}

func TestACommitAfterItsDeadlineIsRefused(t *testing.T) {
	_, c := serve(t, 0)
	version, err := c.Begin(t.Context(), 0)
	require.NoError(t, err)
	require.ErrorIs(t, c.Commit(t.Context(), 0, version, clock.Now()-1), source.ErrRefused)
}

func TestSomeCommitsAreMadeAndNotAnswered(t *testing.T) {
	s, c := serve(t, 0)
	for range 10_000 {
		version, err := c.Begin(t.Context(), 0)
		require.NoError(t, err)
		if c.Commit(t.Context(), 0, version, clock.Now()+int64(time.Minute)) != nil {
			require.Equal(t, version, s.Read(0))
			return
		}
	}
	t.Fatal("none in 10,000")
}

func TestAReadEndsWithItsContext(t *testing.T) {
	_, c := serve(t, 200*time.Millisecond)
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	_, err := c.Read(ctx, []int{0})
	require.ErrorIs(t, err, context.DeadlineExceeded)
}
