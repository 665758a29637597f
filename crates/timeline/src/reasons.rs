//! Why a verdict is what it is: one table of codes, severities and words.

use serde::Serialize;

/// What a reason does to the verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Said, without effect.
    Note,
    /// Ask before accepting.
    Check,
    /// Do not accept.
    Reject,
}

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident $code:literal $level:ident $zh:literal $en:literal;)*) => {
        /// A reason's stable code; the text of each stands in Chinese and English in the same row.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum ReasonCode { $($(#[$doc])* $name,)* }

        impl ReasonCode {
            pub const ALL: &'static [ReasonCode] = &[$(ReasonCode::$name,)*];

            /// As answered in JSON.
            pub fn code(self) -> &'static str {
                match self { $(ReasonCode::$name => $code,)* }
            }

            pub fn level(self) -> Level {
                match self { $(ReasonCode::$name => Level::$level,)* }
            }

            /// (zh-CN, en); `{}` stands for the particular of the case.
            pub fn text(self) -> (&'static str, &'static str) {
                match self { $(ReasonCode::$name => ($zh, $en),)* }
            }
        }
    };
}

reasons! {
    Genuine "genuine" Note
        "由生产企业赋码，记录完整" "commissioned by its manufacturer, history complete";
    KnownContainer "container" Note
        "包装单元，记录完整；内装物须逐件判断" "a container, history complete; what is inside is judged by itself";
    UnknownProduct "unknown-product" Reject
        "没有登记该产品：{}" "no product is registered for this code: {}";
    NeverCommissioned "never-commissioned" Reject
        "生产企业从未赋此码" "this code was never commissioned by a manufacturer";
    CommissionedTwice "commissioned-twice" Reject
        "同一码被赋码两次" "this code was commissioned twice";
    WrongLot "wrong-lot" Reject
        "包装上的批号与赋码记录不符：{}" "the lot on the pack differs from the one commissioned: {}";
    WrongExpiry "wrong-expiry" Reject
        "包装上的有效期与赋码记录不符：{}" "the expiry on the pack differs from the one commissioned: {}";
    Expired "expired" Reject
        "已过有效期：{}" "expired on {}";
    Recalled "recalled" Reject
        "已被召回：{}" "recalled: {}";
    MaybeRecalled "maybe-recalled" Check
        "批号不明，可能在召回范围内：{}" "its lot is not known; it may be covered by recall {}";
    Stolen "stolen" Reject
        "已登记为被盗" "reported stolen";
    AlreadyUsed "already-used" Reject
        "已被使用：{}" "already used: {}";
    UsedTwice "used-twice" Reject
        "同一码被使用两次" "this code was used twice";
    Destroyed "destroyed" Reject
        "已销毁：{}" "destroyed: {}";
    Transformed "transformed" Reject
        "已被加工为其他产品" "was made into another product";
    Damaged "damaged" Reject
        "登记为损坏" "recorded as damaged";
    NonConformant "non-conformant" Reject
        "检验不合格" "failed inspection";
    Unfit "unfit" Reject
        "登记为不可用：{}" "recorded as not fit for use: {}";
    Mismatch "mismatch" Check
        "登记为与单据不符：{}" "recorded as not matching its documents: {}";
    OnHold "on-hold" Check
        "暂停流通，等待放行" "on hold, not released";
    NotShippedToYou "not-shipped-to-you" Check
        "在途，但收货方不是您：{}" "on its way to somebody else: {}";
    InTransit "in-transit" Check
        "在途，未注明收货方" "in transit, nowhere named";
    HeldByAnother "held-by-another" Check
        "记录显示由他人持有，地点不明：{}" "recorded in the hands of {}, at no place named";
    Elsewhere "elsewhere" Check
        "记录显示在别处：{}" "recorded at another place: {}";
    InContainer "in-container" Check
        "记录显示仍在另一包装内：{}" "recorded as still inside {}";
    Inferred "inferred" Note
        "随外包装推断，未逐件扫描" "told by its container, not scanned itself";
    PartlyUsed "partly-used" Note
        "已部分使用" "partly used";
    Returned "returned" Check
        "已登记退货" "recorded as returned";
    NotEntitled "signer-not-entitled" Check
        "历史中有无权签署者的记录" "part of its history was signed by somebody not entitled to";
    Corrected "corrected" Note
        "历史中有更正" "part of its history was corrected";
    Conflicting "conflicting" Check
        "历史中有互相矛盾的记录" "part of its history contradicts itself";
    ReceivedNotShipped "received-not-shipped" Check
        "被收货，但没有发货记录" "was received though nobody had shipped it";
    ShippedNotHeld "shipped-not-held" Check
        "由未持有者发货" "was shipped by somebody who had not got it";
    HeldNotReceived "held-not-received" Check
        "未经收货即由他人处置" "was in the hands of somebody who had not received it";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_distinct_and_texts_agree_on_the_particular() {
        let mut codes: Vec<_> = ReasonCode::ALL.iter().map(|r| r.code()).collect();
        codes.sort();
        codes.dedup();
        assert_eq!(codes.len(), ReasonCode::ALL.len());
        for reason in ReasonCode::ALL {
            let (zh, en) = reason.text();
            assert_eq!(zh.contains("{}"), en.contains("{}"), "{}", reason.code());
        }
    }
}
