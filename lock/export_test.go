package lock //nolint:testpackage // it opens the package to its tests

import "time"

// What tests see of the inside.
type Alarm = alarm

var NewAlarm = newAlarm

func (a *Alarm) Set(d time.Duration) { a.set(d) }

func (a *Alarm) Sleep(most time.Duration) { a.sleep(most) }
