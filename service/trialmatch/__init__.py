"""trialmatch: which clinical trials a patient may qualify for, what is unmet and what is missing, with the evidence."""

__version__ = "0.1.0"
