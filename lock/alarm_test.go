package lock_test

import (
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/cachet-go/cachet/lock"
)

// slept returns how long a sleep of a minute takes that set is called during.
func slept(a *lock.Alarm, set func()) time.Duration {
	start := time.Now()
	done := make(chan struct{})
	go func() {
		defer close(done)
		a.Sleep(time.Minute)
	}()
	for range 1000 { // to begin, and no time passes
		runtime.Gosched()
	}
	set()
	<-done
	return time.Since(start)
}

func TestAnAlarmSaysWhenToGetUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := lock.NewAlarm()
		nothing := func() {}
		assert.Equal(t, time.Minute, slept(a, nothing))
		assert.Zero(t, slept(a, func() { a.Set(0) }))
		assert.Equal(t, time.Minute, slept(a, nothing), "it went off before")
		assert.Equal(t, 3*time.Second, slept(a, func() { a.Set(2 * time.Second); a.Set(3 * time.Second) }), "put off")
		assert.Equal(t, time.Minute, slept(a, func() { a.Set(time.Hour) }), "at most")
		assert.Zero(t, slept(a, func() { a.Set(0); a.Set(time.Second) }), "at once is not put off")

		a.Set(2 * time.Second)
		a.Set(3 * time.Second)
		assert.Equal(t, 2*time.Second, slept(a, nothing), "set before, the earliest counts")
	})
}
