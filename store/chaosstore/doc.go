// Package chaosstore has stores on which things go wrong on purpose, for tests of programs that use a cache.
//
// [Store] leaves it to chance: operations fail, their replies are lost, they arrive late, in another order, or twice,
// each with a probability of its own. It shows that a program survives what networks do. [Hooked] leaves it to the
// test, which acts at each operation: it brings about the one interleaving that is meant.
//
// Both wrap any store.Store. A cache over memstore inside a bubble of testing/synctest makes years of trouble in
// seconds, since delays cost nothing there.
package chaosstore
