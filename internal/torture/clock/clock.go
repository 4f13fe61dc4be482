// Package clock reads the one clock that all processes of a machine share and that nobody sets, so that what they
// report can be put in order.
package clock

import "golang.org/x/sys/unix"

// Now returns nanoseconds since some moment that is the same for all processes.
func Now() int64 {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &t); err != nil {
		panic(err) // there is no machine without it
	}
	return t.Nano()
}
