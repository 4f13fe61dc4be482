package doubledelete_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/doubledelete"
)

// settled returns the delay once it was measured.
func settled(a *doubledelete.Adaptive) time.Duration {
	time.Sleep(2 * time.Second)
	a.Delay()
	synctest.Wait()
	return a.Delay()
}

func TestDelayIsTheMostUntilALoadWasSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := doubledelete.NewAdaptive(doubledelete.AdaptiveOptions{})
		require.Equal(t, 10*time.Second, a.Delay())
		require.Equal(t, 10*time.Second, settled(a))
	})
}

func TestDelayIsWhatAllButOneLoadInAHundredTakePlusTheLag(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := doubledelete.NewAdaptive(doubledelete.AdaptiveOptions{
			Lag: func(context.Context) (time.Duration, error) { return time.Second, nil },
		})
		for i := range 1000 {
			a.Observe(time.Duration(i+1) * time.Millisecond)
		}
		require.Equal(t, 1990*time.Millisecond, settled(a))
		for range 500 { // only the last thousand count
			a.Observe(200 * time.Millisecond)
		}
		require.Equal(t, 1990*time.Millisecond, settled(a))
		for range 500 {
			a.Observe(200 * time.Millisecond)
		}
		require.Equal(t, 1200*time.Millisecond, settled(a))
	})
}

func TestDelayIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := doubledelete.NewAdaptive(doubledelete.AdaptiveOptions{Min: time.Second, Max: 2 * time.Second})
		a.Observe(time.Millisecond)
		require.Equal(t, time.Second, settled(a))
		a.Observe(time.Hour)
		require.Equal(t, 2*time.Second, settled(a))
	})
}

func TestDelayIsTheMostWhereTheLagIsNotKnown(t *testing.T) {
	for name, lag := range map[string]func(context.Context) (time.Duration, error){
		"error": func(context.Context) (time.Duration, error) { return 0, errStore },
		"panic": func(context.Context) (time.Duration, error) { panic("lag") },
		"hangs": func(ctx context.Context) (time.Duration, error) { <-ctx.Done(); return 0, ctx.Err() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := doubledelete.NewAdaptive(doubledelete.AdaptiveOptions{Lag: lag})
				a.Observe(time.Millisecond)
				require.Equal(t, 10*time.Second, settled(a))
				time.Sleep(2 * time.Second)
			})
		})
	}
}

// Without writes nobody measures, and the lag may have become another.
func TestAnOldMeasurementIsNotBelieved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := doubledelete.NewAdaptive(doubledelete.AdaptiveOptions{})
		a.Observe(time.Millisecond)
		require.Equal(t, 100*time.Millisecond, settled(a))
		time.Sleep(6 * time.Second)
		require.Equal(t, 10*time.Second, a.Delay())
		synctest.Wait()
		require.Equal(t, 100*time.Millisecond, a.Delay())
	})
}

func TestTheLagIsAskedForOnceASecondAtMostAndNotAfterClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		a := doubledelete.NewAdaptive(doubledelete.AdaptiveOptions{
			Lag: func(context.Context) (time.Duration, error) { asked++; return 0, nil },
		})
		l := newLog()
		s := open(t, doubledelete.Options{Adaptive: a})
		a.Observe(300 * time.Millisecond)
		a.Delay()
		synctest.Wait()
		for range 100 {
			require.NoError(t, s.Write(t.Context(), l, []string{"a"}, nothing))
			time.Sleep(50 * time.Millisecond)
		}
		require.InDelta(t, 5, asked, 1)
		require.NoError(t, s.Close(t.Context()))
		lines := l.read()
		require.Equal(t, "5.25s delete a", lines[len(lines)-1], "4.95s + 300ms")
		was := asked
		settled(a)
		require.Equal(t, was, asked)
	})
}
