package cachet_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet"
	"github.com/cachet-go/cachet/store/memstore"
)

// advising is a store with advice.
type advising struct {
	*memstore.Store
	advice func(context.Context) ([]string, error)
}

func (a advising) Advise(ctx context.Context) ([]string, error) { return a.advice(ctx) }

func TestAdviceOfTheStoreReachesTheHook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		failure := errors.New("no answer")
		var advice []string
		var errs []error
		st := advising{memstore.New(), func(context.Context) ([]string, error) { return []string{"a", "b"}, failure }}
		open(t, st, cachet.Config[string, string]{
			Load: newSource(nil).Load,
			Hooks: cachet.Hooks{
				Advice: func(_ context.Context, text string) { advice = append(advice, text) },
				Error:  func(_ context.Context, err error) { errs = append(errs, err) },
			},
		})
		synctest.Wait()
		require.Equal(t, []string{"a", "b"}, advice)
		require.Len(t, errs, 1)
		require.ErrorIs(t, errs[0], failure)
	})
}

func TestNobodyIsAskedForAdviceThatNobodyHears(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := advising{memstore.New(), func(context.Context) ([]string, error) { panic("asked") }}
		open(t, st, cachet.Config[string, string]{Load: newSource(nil).Load})
		synctest.Wait()
	})
}

func TestCloseEndsTheQuestionForAdvice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := advising{memstore.New(), func(ctx context.Context) ([]string, error) { <-ctx.Done(); return nil, ctx.Err() }}
		c := open(t, st, cachet.Config[string, string]{
			Load:  newSource(nil).Load,
			Hooks: cachet.Hooks{Advice: func(context.Context, string) {}},
		})
		require.NoError(t, c.Close())
	})
}
