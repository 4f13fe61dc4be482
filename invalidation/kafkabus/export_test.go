package kafkabus //nolint:testpackage // it opens the package to its tests

import "time"

// Timing changes what a Subscriber waits for, before Subscribe.
func (s *Subscriber) Timing(maxBytes int64, maxWait, answer, watch, dog time.Duration) {
	s.timing.maxBytes, s.timing.maxWait, s.timing.answer = maxBytes, maxWait, answer
	s.timing.watch, s.timing.dog = watch, dog
}

// LetterTime bounds an attempt to write dead letters. Call it before Subscribe.
func (s *Subscriber) LetterTime(d time.Duration) { s.timing.letter = d }

// Unproven reports whether err, of an attempt to produce, leaves open whether anything was written.
func Unproven(err error) bool { return classify(err) == unknown }
