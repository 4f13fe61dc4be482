package model

import "strings"

// Step says what a transition did.
type Step struct {
	who, what string
	value     uint8
	valued    bool // the value is told
	again     bool // it will come again
	late      bool // it was sent twice, and the first copy is under way
	lost      bool // its reply is lost
}

// String tells the step as a line of an interleaving.
func (s Step) String() string {
	var b strings.Builder
	b.WriteString(s.who + " " + s.what)
	if s.valued {
		b.WriteString(" " + valueName(s.value))
	}
	if s.again {
		b.WriteString(", and will come again")
	}
	if s.late {
		b.WriteString(" (sent twice, the first copy is still under way)")
	}
	if s.lost {
		b.WriteString(" (the reply is lost)")
	}
	return b.String()
}

// redis is who does what no client does.
const redis = "Redis"

func readerName(i int) string { return [readers]string{"R1", "R2", "R3"}[i] }

func writerName(i int) string { return [writers]string{"W1", "W2"}[i] }

func eventName(i int) string { return [writers]string{"the event of W1", "the event of W2"}[i] }

func fenceName(i int) string { return [writers]string{"the fence of W1", "the fence of W2"}[i] }

func valueName(v uint8) string { return [values]string{"v0", "v1", "v2"}[v] }

// joining tells whose flight is joined.
func joining(leader uint8) string {
	return [readers]string{"joins the flight of R1", "joins the flight of R2", "joins the flight of R3"}[leader-1]
}

// replyToAsk tells the reply to a request for a lease.
func replyToAsk(reply uint8) string {
	switch reply {
	case granted:
		return "is granted a lease"
	case found:
		return "asks for a lease and finds"
	case held:
		return "asks and waits for the lease of another"
	default:
		return "asks for a lease and finds a fence"
	}
}
