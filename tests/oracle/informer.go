package main

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// informer stands for the API server and the informer between it and the trackers: it knows what
// the selectors of kube-proxy's requests let through, and makes adds, updates and deletes of that.
type informer[T metav1.Object] struct {
	selects  func(T) bool
	onUpdate func(before, now T) // either may be the zero value
	known    map[types.NamespacedName]T
}

func newInformer[T metav1.Object](selects func(T) bool, onUpdate func(before, now T)) *informer[T] {
	return &informer[T]{selects, onUpdate, map[types.NamespacedName]T{}}
}

func nameOf(object metav1.Object) types.NamespacedName {
	return types.NamespacedName{Namespace: object.GetNamespace(), Name: object.GetName()}
}

func (i *informer[T]) change(op string, objects []T) {
	switch op {
	case "upsert":
		i.upsert(objects[0])
	case "erase":
		i.erase(nameOf(objects[0]))
	case "replace":
		i.replace(objects)
	}
}

// upsert: an object that stops matching a selector is deleted as far as a watch is concerned.
func (i *informer[T]) upsert(object T) {
	if !i.selects(object) {
		i.erase(nameOf(object))
		return
	}
	before := i.known[nameOf(object)]
	i.known[nameOf(object)] = object
	i.onUpdate(before, object)
}

func (i *informer[T]) erase(name types.NamespacedName) {
	before, exists := i.known[name]
	if !exists {
		return
	}
	delete(i.known, name)
	var none T
	i.onUpdate(before, none)
}

// replace is a relist: what is missing is deleted, all else is updated.
func (i *informer[T]) replace(objects []T) {
	listed := map[types.NamespacedName]bool{}
	for _, object := range objects {
		listed[nameOf(object)] = true
		i.upsert(object)
	}
	for name := range i.known {
		if !listed[name] {
			i.erase(name)
		}
	}
}
