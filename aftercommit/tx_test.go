package aftercommit_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/aftercommit"
)

var errCommit = errors.New("connection reset while the commit was under way")

// transaction notes what becomes of it.
type transaction struct {
	ended []string
	err   error
	panic any
	takes time.Duration
}

func (tx *transaction) Commit() error {
	time.Sleep(tx.takes)
	tx.ended = append(tx.ended, "commit")
	if tx.panic != nil {
		panic(tx.panic)
	}
	return tx.err
}

func (tx *transaction) Rollback() error {
	tx.ended = append(tx.ended, "rollback")
	return tx.err
}

// add has a word noted.
func add(tx *aftercommit.Tx, inner *transaction, word string) {
	tx.Add(func(context.Context) error { inner.ended = append(inner.ended, word); return nil })
}

func begin() (*aftercommit.Tx, *transaction) {
	inner := &transaction{}
	return aftercommit.New(inner), inner
}

func TestACommitIsFollowedByTheInvalidationsInTheirOrder(t *testing.T) {
	tx, inner := begin()
	add(tx, inner, "a")
	add(tx, inner, "b")
	require.NoError(t, tx.Commit(t.Context()))
	require.Equal(t, []string{"commit", "a", "b"}, inner.ended)
}

func TestARollbackInvalidatesNothing(t *testing.T) {
	for _, err := range []error{nil, errCommit} {
		tx, inner := begin()
		inner.err = err
		add(tx, inner, "a")
		require.Equal(t, err, tx.Rollback())
		require.Equal(t, []string{"rollback"}, inner.ended)
	}
}

// The database may have committed, although its answer was lost.
func TestACommitOfUnknownOutcomeInvalidatesEverything(t *testing.T) {
	tx, inner := begin()
	inner.err = errCommit
	add(tx, inner, "a")
	sp := tx.Savepoint()
	add(tx, inner, "b")
	tx.RollbackTo(sp)
	add(tx, inner, "c")
	require.Equal(t, errCommit, tx.Commit(t.Context()))
	require.Equal(t, []string{"commit", "a", "c"}, inner.ended)
}

func TestACommitThatPanicsInvalidatesEverything(t *testing.T) {
	tx, inner := begin()
	inner.panic = "driver"
	add(tx, inner, "a")
	require.PanicsWithValue(t, "driver", func() { _ = tx.Commit(t.Context()) })
	require.Equal(t, []string{"commit", "a"}, inner.ended)
}

func TestADeferredRollbackAfterACommitDoesNoHarm(t *testing.T) {
	tx, inner := begin()
	add(tx, inner, "a")
	require.NoError(t, tx.Commit(t.Context()))
	require.NoError(t, tx.Rollback())
	require.Equal(t, []string{"commit", "a", "rollback"}, inner.ended)
}

func TestASavepointDropsOnlyItsOwn(t *testing.T) {
	tx, inner := begin()
	add(tx, inner, "outer")
	add(tx, inner, "first")
	second := tx.Savepoint()
	add(tx, inner, "second")
	tx.RollbackTo(second)
	add(tx, inner, "first again")
	require.NoError(t, tx.Commit(t.Context()))
	require.Equal(t, []string{"commit", "outer", "first", "first again"}, inner.ended)

	tx, inner = begin()
	add(tx, inner, "outer")
	first := tx.Savepoint()
	add(tx, inner, "first")
	second = tx.Savepoint()
	add(tx, inner, "second")
	tx.RollbackTo(first) // and with it the second, as in SQL
	tx.RollbackTo(second)
	tx.RollbackTo(first)
	add(tx, inner, "after")
	require.NoError(t, tx.Commit(t.Context()))
	require.Equal(t, []string{"commit", "outer", "after"}, inner.ended)
}

func TestInvalidationsAreDetachedFromTheCallerAndBounded(t *testing.T) {
	type key struct{}
	tx, _ := begin()
	ctx, cancel := context.WithCancel(context.WithValue(t.Context(), key{}, "trace"))
	cancel()
	tx.Add(func(ctx context.Context) error {
		deadline, bounded := ctx.Deadline()
		require.True(t, bounded)
		require.LessOrEqual(t, time.Until(deadline), 10*time.Second)
		require.Equal(t, "trace", ctx.Value(key{}))
		return ctx.Err()
	})
	require.NoError(t, tx.Commit(ctx))
}

func TestAFailedInvalidationIsReportedAndTheOthersAreMade(t *testing.T) {
	errStore := errors.New("store failed")
	for _, err := range []error{nil, errCommit} {
		tx, inner := begin()
		inner.err = err
		tx.Add(func(context.Context) error { return errStore })
		add(tx, inner, "b")
		got := tx.Commit(t.Context())
		require.ErrorIs(t, got, errStore)
		if err != nil {
			require.ErrorIs(t, got, err)
		}
		require.Equal(t, []string{"commit", "b"}, inner.ended)
	}
}

func TestAPanicOfAnInvalidationDoesNotKeepTheOthersFromBeingMade(t *testing.T) {
	tx, inner := begin()
	tx.Add(func(context.Context) error { panic("strategy") })
	add(tx, inner, "b")
	require.PanicsWithValue(t, "strategy", func() { _ = tx.Commit(t.Context()) })
	require.Equal(t, []string{"commit", "b"}, inner.ended)
}

func TestInvalidationsAreMadeOnce(t *testing.T) {
	tx, inner := begin()
	add(tx, inner, "a")
	require.NoError(t, tx.Commit(t.Context()))
	require.NoError(t, tx.Commit(t.Context()))
	require.Equal(t, []string{"commit", "a", "commit"}, inner.ended)
}

func TestASlowCommitLeavesTheInvalidationsTheirTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tx, inner := begin()
		inner.takes = time.Minute
		tx.Add(func(ctx context.Context) error { return ctx.Err() })
		require.NoError(t, tx.Commit(t.Context()))
	})
}
