package model

import "strings"

// Step says what a transition did.
type Step struct {
	who, what string
	value     uint8
	valued    bool // the value is told
	late      bool // it was sent twice, and the first copy is under way
	lost      bool // its reply is lost
}

// String tells the step as a line of an interleaving.
func (s Step) String() string {
	var b strings.Builder
	b.WriteString(s.who + " " + s.what)
	if s.valued {
		b.WriteString(" " + valueNames[s.value])
	}
	if s.late {
		b.WriteString(" (sent twice, the first copy is still under way)")
	}
	if s.lost {
		b.WriteString(" (the reply is lost)")
	}
	return b.String()
}

var (
	readerNames = [readers]string{"R1", "R2", "R3"}
	writerNames = [writers]string{"W1", "W2"}
	valueNames  = [values]string{"v0", "v1", "v2"}

	commandVerbs = [...]string{
		opFence: "puts its fence", opLift: "invalidates and lifts its fence", opDel: "deletes the key",
		opDelayedDel: "deletes the key again, later", opSet: "stores", opFloor: "leaves in place of the value the version of",
		opLock: "takes the lock", opUnlock: "gives back the lock", opPublish: "publishes",
		opAsk: "", opAck: "",
	}
	eventVerbs = [...]string{opDel: "deletes the key", opSet: "stores its value"}
	lateVerbs  = [...]string{
		opAsk: "asks for the lease", opRefresh: "claims the value", opFill: "fills", opRelease: "releases",
		opFence: "puts the fence", opLift: "lifts the fence", opDel: "deletes the key", opDelayedDel: "deletes the key",
		opSet: "stores its value", opSetNewer: "stores its value if it is newer", opFloor: "leaves the version",
		opLock: "takes the lock", opUnlock: "gives back the lock",
	}
)

var askVerbs = [...]string{
	granted: "is granted a lease", found: "asks for a lease and finds", held: "asks and waits for the lease of another",
	fenced: "asks for a lease and finds a fence",
}
