package storetest

import (
	"time"
)

// How far from its time a record may end. The store may keep time in milliseconds and read its clock once for
// several requests.
const (
	early = 5 * time.Millisecond
	late  = 50 * time.Millisecond
)

// span is the time within which a request was executed.
type span struct{ before, after time.Time }

// during calls do and returns when that was.
func during(do func()) span {
	before := time.Now()
	do()
	return span{before, time.Now()}
}

// pause waits until d after the span is surely over.
func (w span) pause(d time.Duration) {
	time.Sleep(time.Until(w.after.Add(d + late)))
}

// surelyBefore reports whether now is less than d after anything that happened in the span.
func (w span) surelyBefore(d time.Duration) bool {
	return time.Now().Before(w.before.Add(d - early))
}

// lasts checks that something which began in the span is there until d is over, and then is not. It is asked for
// over and over: what is gone must not have been asked for too early, nor what is there too late.
func (s *subject) lasts(what string, began span, d time.Duration, there func() bool) {
	s.Helper()
	for {
		asked := time.Now()
		if !there() {
			if began.surelyBefore(d) {
				s.Errorf("%s: gone %v after it began, want %v", what, time.Since(began.before), d)
			}
			return
		}
		if asked.After(began.after.Add(d + late)) {
			s.Errorf("%s: still there %v after it began, want %v", what, asked.Sub(began.after), d)
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// eventually waits for something that has no exact time.
func (s *subject) eventually(what string, there func() bool) {
	s.Helper()
	for deadline := time.Now().Add(patience); !there(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			s.Fatalf("%s: not in %v", what, patience)
		}
	}
}

const patience = 10 * time.Second
