//! Topic descriptions with their ids, which the safe client does not offer: librdkafka's `DescribeTopics` by hand.
//! The only unsafe calls of this crate besides the one that ties a child process to its parent (`embedded/child.rs`).

#![allow(unsafe_code)]

use std::ffi::{CStr, CString};
use std::ptr;
use std::time::Duration;

use medtrace_ledger::TopicUuid;
use rdkafka::admin::AdminClient;
use rdkafka::bindings as sys;
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode;

use crate::quiet::Quiet;
use crate::topics::Topic;

/// One answer for each name, in their order: the topic, or `None` if the cluster does not have it. Blocks.
pub(crate) fn describe(
    admin: &AdminClient<Quiet>,
    names: &[&str],
    within: Duration,
) -> Result<Vec<Option<Topic>>, KafkaError> {
    let client = admin.inner().native_ptr();
    let names = names.iter().map(|name| CString::new(*name)).collect::<Result<Vec<_>, _>>()?;
    let mut pointers: Vec<_> = names.iter().map(|name| name.as_ptr()).collect();
    let within_ms = i32::try_from(within.as_millis()).unwrap_or(i32::MAX);

    // SAFETY: `client` outlives this call (borrowed through `admin`). The collection copies the names. Collection,
    // options and queue are made here and destroyed by their guards, once, in reverse order and after the last use:
    // the event is polled from the queue, holds the answer, and is destroyed before the queue.
    unsafe {
        let collection = Guard(
            sys::rd_kafka_TopicCollection_of_topic_names(pointers.as_mut_ptr(), pointers.len()),
            sys::rd_kafka_TopicCollection_destroy,
        );
        let options = Guard(
            sys::rd_kafka_AdminOptions_new(client, sys::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS),
            sys::rd_kafka_AdminOptions_destroy,
        );
        check(sys::rd_kafka_AdminOptions_set_request_timeout(options.0, within_ms, ptr::null_mut(), 0))?;
        let queue = Guard(sys::rd_kafka_queue_new(client), sys::rd_kafka_queue_destroy);
        sys::rd_kafka_DescribeTopics(client, collection.0, options.0, queue.0);
        // The request times out by itself; the margin is for its report to arrive.
        let event =
            Guard(sys::rd_kafka_queue_poll(queue.0, within_ms.saturating_add(1000)), sys::rd_kafka_event_destroy);
        if event.0.is_null() {
            return Err(KafkaError::AdminOp(RDKafkaErrorCode::OperationTimedOut));
        }
        check(sys::rd_kafka_event_error(event.0))?;
        let result = sys::rd_kafka_event_DescribeTopics_result(event.0);
        if result.is_null() {
            return Err(KafkaError::AdminOp(RDKafkaErrorCode::Fail));
        }
        let mut count = 0;
        let topics = sys::rd_kafka_DescribeTopics_result_topics(result, &mut count);
        (0..count).map(|i| topic(*topics.add(i))).collect()
    }
}

/// SAFETY: `description` must point into a live `DescribeTopics` result; everything is copied out of it.
unsafe fn topic(description: *const sys::rd_kafka_TopicDescription_t) -> Result<Option<Topic>, KafkaError> {
    // SAFETY: the accessors return pointers that live as long as the description.
    unsafe {
        let error = sys::rd_kafka_TopicDescription_error(description);
        match RDKafkaErrorCode::from(sys::rd_kafka_error_code(error)) {
            RDKafkaErrorCode::NoError => {}
            RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic => return Ok(None),
            code => return Err(KafkaError::AdminOp(code)),
        }
        let name = CStr::from_ptr(sys::rd_kafka_TopicDescription_name(description)).to_string_lossy().into_owned();
        let id = sys::rd_kafka_TopicDescription_topic_id(description);
        let uuid = TopicUuid::from_halves(
            sys::rd_kafka_Uuid_most_significant_bits(id).cast_unsigned(),
            sys::rd_kafka_Uuid_least_significant_bits(id).cast_unsigned(),
        );
        let mut partitions = 0;
        let infos = sys::rd_kafka_TopicDescription_partitions(description, &mut partitions);
        let mut replicas = 0;
        if partitions > 0 {
            sys::rd_kafka_TopicPartitionInfo_replicas(*infos, &mut replicas);
        }
        let partitions = i32::try_from(partitions).unwrap_or(i32::MAX);
        Ok(Some(Topic { name, uuid, partitions, replicas }))
    }
}

fn check(code: sys::rd_kafka_resp_err_t) -> Result<(), KafkaError> {
    match code {
        sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR => Ok(()),
        code => Err(KafkaError::AdminOp(code.into())),
    }
}

/// A native object and what destroys it.
struct Guard<T>(*mut T, unsafe extern "C" fn(*mut T));

impl<T> Drop for Guard<T> {
    fn drop(&mut self) {
        if !self.0.is_null() {
            // SAFETY: made by the matching constructor in `describe`, destroyed only here.
            unsafe { (self.1)(self.0) }
        }
    }
}
