package cachet_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet"
	"github.com/cachet-go/cachet/aside"
)

// W: commits v2, probation of 500 ms → R1, 100 ms later: reads v1 from a replica that lags, and takes its time → the
// probation ends → R2, 600 ms after the write, joins R1, whose fill is accepted, as no invalidation came → v1.
func TestWhatIsReadOnProbationIsNotHandedToThoseWhoCameAfterItsEnd(t *testing.T) {
	newBed(t).memory(t, func(t *testing.T, p place) {
		written := time.Now()
		c := open(t, p, cachet.Config[string, string]{
			Strategy: aside.Strategy{ReplicaLag: 500 * time.Millisecond},
			Load: func(context.Context, string) (string, error) {
				v := "v1"
				if time.Since(written) > 400*time.Millisecond {
					v = "v2"
				}
				time.Sleep(700 * time.Millisecond)
				return v, nil
			},
		})
		require.NoError(t, c.Invalidate(t.Context(), "k"))
		time.Sleep(100 * time.Millisecond)
		first := make(chan string)
		go func() {
			v, _ := c.Get(t.Context(), "k")
			first <- v
		}()
		time.Sleep(500 * time.Millisecond)
		v, err := c.Get(t.Context(), "k")
		require.NoError(t, err)
		require.Equal(t, "v2", v)
		require.Equal(t, "v1", <-first, "who came within the time may have it")
	})
}
